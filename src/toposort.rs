//! Orders the nodes of a graph so that each comes after what it depends on.
//!
//! Nothing here knows of tables or rows, and nothing recurses: a chain of a million nodes needs no
//! more stack than one.

/// A directed graph: an edge leads from a node to one that it depends on.
#[derive(Debug)]
pub(crate) struct Graph {
    /// The dependencies of node `n` are `targets[starts[n]..starts[n + 1]]`.
    starts: Vec<usize>,
    /// The dependencies of all nodes, node by node.
    targets: Vec<u32>,
}

impl Graph {
    /// Returns a graph of `nodes` nodes with edges `(from, to)`, which keep their order.
    pub(crate) fn new(nodes: usize, edges: &[(u32, u32)]) -> Graph {
        let mut starts = vec![0; nodes + 1];
        for &(from, _) in edges {
            starts[from as usize + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut targets = vec![0; edges.len()];
        for &(from, to) in edges {
            targets[next[from as usize]] = to;
            next[from as usize] += 1;
        }
        Graph { starts, targets }
    }

    /// Returns the number of nodes.
    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns the nodes that a node depends on.
    pub(crate) fn dependencies(&self, node: u32) -> &[u32] {
        &self.targets[self.starts[node as usize]..self.starts[node as usize + 1]]
    }

    /// Returns the graph with every edge turned round.
    fn reversed(&self) -> Graph {
        let nodes = 0..self.len() as u32;
        let edges: Vec<_> = nodes
            .flat_map(|node| self.dependencies(node).iter().map(move |&to| (to, node)))
            .collect();
        Graph::new(self.len(), &edges)
    }

    /// Returns the strongly connected components, each after those that it depends on; the nodes of
    /// one are in ascending order.
    ///
    /// Tarjan, "Depth-first search and linear graph algorithms" (1972), with its recursion turned
    /// into a stack of (node, next edge).
    pub(crate) fn components(&self) -> Vec<Vec<u32>> {
        const UNSEEN: u32 = u32::MAX;
        let mut order = vec![UNSEEN; self.len()];
        let mut low = vec![0; self.len()];
        let mut on_stack = vec![false; self.len()];
        let (mut stack, mut calls, mut result) = (Vec::new(), Vec::new(), Vec::new());
        let mut counter = 0;
        for root in 0..self.len() as u32 {
            if order[root as usize] != UNSEEN {
                continue;
            }
            calls.push((root, 0));
            while let Some((node, edge)) = calls.pop() {
                let n = node as usize;
                if edge == 0 {
                    order[n] = counter;
                    low[n] = counter;
                    counter += 1;
                    stack.push(node);
                    on_stack[n] = true;
                }
                if let Some(&next) = self.dependencies(node).get(edge) {
                    calls.push((node, edge + 1));
                    if order[next as usize] == UNSEEN {
                        calls.push((next, 0));
                    } else if on_stack[next as usize] {
                        low[n] = low[n].min(order[next as usize]);
                    }
                    continue;
                }
                if let Some(&(caller, _)) = calls.last() {
                    low[caller as usize] = low[caller as usize].min(low[n]);
                }
                if low[n] == order[n] {
                    let start = stack.iter().rposition(|&member| member == node).unwrap_or(0);
                    let mut component = stack.split_off(start);
                    for &member in &component {
                        on_stack[member as usize] = false;
                    }
                    component.sort_unstable();
                    result.push(component);
                }
            }
        }
        result
    }

    /// Returns all nodes, each after those that it depends on, in runs of nodes of one group.
    ///
    /// A run takes in every node of its group that can come, so runs are long and few. Nodes of a
    /// run come in ascending order where nothing else forbids it.
    ///
    /// # Errors
    ///
    /// The nodes of a cycle, in which each depends on the next and the last on the first.
    pub(crate) fn grouped_order(&self, group_of: &[u32]) -> Result<Vec<(u32, Vec<u32>)>, Vec<u32>> {
        let dependents = self.reversed();
        let groups = group_of.iter().max().map_or(0, |&group| group as usize + 1);
        let mut missing: Vec<u32> =
            (0..self.len() as u32).map(|node| self.dependencies(node).len() as u32).collect();
        let mut ready = vec![Vec::new(); groups];
        for node in 0..self.len() {
            if missing[node] == 0 {
                ready[group_of[node] as usize].push(node as u32);
            }
        }
        let (mut runs, mut done) = (Vec::new(), 0);
        while let Some(group) = ready.iter().position(|nodes| !nodes.is_empty()) {
            let mut run = Vec::new();
            // Each turn takes the nodes that the turn before has set free.
            while !ready[group].is_empty() {
                let mut turn = std::mem::take(&mut ready[group]);
                turn.sort_unstable();
                for &node in &turn {
                    for &dependent in dependents.dependencies(node) {
                        missing[dependent as usize] -= 1;
                        if missing[dependent as usize] == 0 {
                            ready[group_of[dependent as usize] as usize].push(dependent);
                        }
                    }
                }
                run.append(&mut turn);
            }
            done += run.len();
            runs.push((group as u32, run));
        }
        if done == self.len() { Ok(runs) } else { Err(self.find_cycle(&missing)) }
    }

    /// Returns a cycle among the nodes that still miss something: each of them depends on another
    /// one.
    fn find_cycle(&self, missing: &[u32]) -> Vec<u32> {
        let mut seen_at = vec![usize::MAX; self.len()];
        let mut path = Vec::new();
        let mut next = missing.iter().position(|&count| count > 0).map(|node| node as u32);
        while let Some(node) = next {
            if seen_at[node as usize] != usize::MAX {
                return path.split_off(seen_at[node as usize]);
            }
            seen_at[node as usize] = path.len();
            path.push(node);
            next = self.dependencies(node).iter().copied().find(|&to| missing[to as usize] > 0);
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_graph() -> impl Strategy<Value = (usize, Vec<(u32, u32)>, Vec<u32>)> {
        (1_usize..30).prop_flat_map(|nodes| {
            let node = 0..nodes as u32;
            (
                Just(nodes),
                prop::collection::vec((node.clone(), node), 0..60),
                prop::collection::vec(0_u32..4, nodes),
            )
        })
    }

    /// Returns `true` if `to` can be reached from `from` over at least one edge.
    fn reaches(edges: &[(u32, u32)], from: u32, to: u32) -> bool {
        let (mut seen, mut open) = (std::collections::HashSet::new(), vec![from]);
        while let Some(node) = open.pop() {
            for &(a, b) in edges {
                if a == node && seen.insert(b) {
                    open.push(b);
                }
            }
        }
        seen.contains(&to)
    }

    proptest! {
        #[test]
        fn components_hold_what_reaches_each_other((nodes, edges, _) in any_graph()) {
            let components = Graph::new(nodes, &edges).components();
            let mut place = vec![usize::MAX; nodes];
            for (index, component) in components.iter().enumerate() {
                for &node in component {
                    prop_assert_eq!(place[node as usize], usize::MAX, "a node stands twice");
                    place[node as usize] = index;
                }
            }
            for a in 0..nodes as u32 {
                for b in 0..nodes as u32 {
                    let same = a == b || (reaches(&edges, a, b) && reaches(&edges, b, a));
                    prop_assert_eq!(place[a as usize] == place[b as usize], same);
                }
            }
            for (from, to) in edges {
                prop_assert!(place[to as usize] <= place[from as usize]);
            }
        }

        #[test]
        fn order_or_cycle((nodes, edges, groups) in any_graph()) {
            match Graph::new(nodes, &edges).grouped_order(&groups) {
                Ok(runs) => {
                    for (group, run) in &runs {
                        prop_assert!(run.iter().all(|&node| groups[node as usize] == *group));
                    }
                    prop_assert!(runs.windows(2).all(|pair| pair[0].0 != pair[1].0));
                    let order: Vec<u32> = runs.into_iter().flat_map(|(_, run)| run).collect();
                    let mut sorted = order.clone();
                    sorted.sort_unstable();
                    prop_assert_eq!(sorted, (0..nodes as u32).collect::<Vec<_>>());
                    let place = |node| order.iter().position(|&other| other == node);
                    for (from, to) in edges {
                        prop_assert!(place(to) < place(from));
                    }
                }
                Err(cycle) => {
                    prop_assert!(!cycle.is_empty());
                    for (index, &node) in cycle.iter().enumerate() {
                        let next = cycle[(index + 1) % cycle.len()];
                        prop_assert!(edges.contains(&(node, next)));
                    }
                }
            }
        }

        #[test]
        fn an_acyclic_graph_has_an_order((nodes, edges, groups) in any_graph()) {
            let edges: Vec<_> = edges.into_iter().filter(|(from, to)| from > to).collect();
            prop_assert!(Graph::new(nodes, &edges).grouped_order(&groups).is_ok());
        }
    }

    #[test]
    fn a_chain_of_a_million_needs_no_stack() {
        let nodes = 1_000_000;
        let edges: Vec<_> = (0..nodes - 1).map(|node| (node, node + 1)).collect();
        let graph = Graph::new(nodes as usize, &edges);
        let runs = graph.grouped_order(&vec![0; nodes as usize]).unwrap();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].1[0], nodes - 1);
        assert_eq!(graph.components().len(), nodes as usize);
    }

    #[test]
    fn runs_are_as_long_as_they_can_be() {
        // Two groups, 0 and 1; nodes 0 to 2 are of group 0, and 2 needs 3 of group 1.
        let graph = Graph::new(4, &[(2, 3), (3, 0)]);
        let runs = graph.grouped_order(&[0, 0, 0, 1]).unwrap();
        assert_eq!(runs, [(0, vec![0, 1]), (1, vec![3]), (0, vec![2])]);
    }
}
