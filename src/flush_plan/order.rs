//! The order of the rows of a flush: runs of rows to which the same is done, each after what it
//! waits for.

use std::collections::{HashMap, HashSet};

use super::constraints::Constraints;
use super::row_graph::{NewRowsAs, Node, Pass, RowGraph};
use super::step::SetAside;
use crate::change_set::ChangeSet;
use crate::error::{Error, ErrorKind};
use crate::model::Table;
use crate::toposort::Graph;

/// Rows to which the same is done, or rows that wait for each other.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) nodes: Vec<Placed>,
    /// The rows wait for each other in a circle: they can only be written at once.
    pub(super) is_circle: bool,
    /// New rows of a circle come before updates, which may have triggers that look for them.
    pub(super) inserts_first: bool,
}

/// A node, where it stands in its run, and what it waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) node: Node,
    /// How many rows of the run, one after the other, come before it.
    pub(super) level: u32,
    /// It takes a value that an updated row gives up.
    pub(super) takes_from_update: bool,
    /// The parts of its key that the database has changed by then, as bits.
    pub(super) moved: u8,
}

/// The order of a flush's rows.
#[derive(Debug, Default)]
pub(super) struct Order {
    pub(super) runs: Vec<Run>,
    /// The unique constraints that have to be looked at when all is done.
    pub(super) deferred: Vec<String>,
    /// Only what the database knows of its constraints can give an order.
    pub(super) needs_constraints: bool,
    /// New rows are in a circle with others.
    pub(super) has_new_in_circle: bool,
    /// All new rows are one node, and what should come before or after it does not.
    is_too_coarse: bool,
    /// Updated rows pass unique values on.
    pub(super) passes_on: bool,
    /// Updated rows pass unique values on to others, in an order that one statement does not have.
    pub(super) needs_order: bool,
    /// Why there is no order.
    pub(super) refusal: Option<Error>,
}

/// Values pass on through so many statements of a table one after the other. Longer chains take a
/// detour of two.
const MAX_LEVELS: u32 = 8;

/// Orders the rows. New rows may have an order among themselves already.
///
/// # Errors
///
/// A value that cannot be encoded; a reference to an entity that is not there.
pub(super) fn order(
    changes: &ChangeSet<'_>,
    constraints: Option<&Constraints>,
    inserts_are_ordered: bool,
) -> Result<Order, Error> {
    // Foreign keys that no model declares can tie new rows to each other.
    if inserts_are_ordered
        && constraints.is_none_or(|known| known.violated_foreign_keys().next().is_none())
    {
        let order = arrange(RowGraph::new(changes, constraints, NewRowsAs::OneNode)?, constraints);
        if !order.has_new_in_circle && !order.is_too_coarse {
            return Ok(order);
        }
    }
    // Some of the new rows come before others that are changed, and some after.
    Ok(arrange(RowGraph::new(changes, constraints, NewRowsAs::Nodes)?, constraints))
}

fn arrange(mut graph: RowGraph<'_>, constraints: Option<&Constraints>) -> Order {
    let mut order = Order::default();
    defer(&mut graph, &mut order);
    let from_update = |pass: &Pass| matches!(graph.nodes[pass.giver as usize], Node::Update(..));
    let to_update = |pass: &Pass| matches!(graph.nodes[pass.taker as usize], Node::Update(..));
    order.needs_order = !graph.crowded.is_empty()
        || graph.passes.iter().any(|pass| from_update(pass) && to_update(pass));
    order.passes_on =
        order.needs_order || !order.deferred.is_empty() || graph.passes.iter().any(from_update);
    for (node, unique) in std::mem::take(&mut graph.crowded) {
        let pass = Pass { giver: node, taker: node, unique };
        if let Err(error) = detour(&mut graph, &[Stuck { pass, is_in_circle: true }]) {
            order.refusal = Some(error);
            break;
        }
    }
    // Values that have passed on by a detour do so no more, so this ends.
    loop {
        let (runs, stuck, is_too_coarse) = runs(&graph);
        (order.runs, order.is_too_coarse) = (runs, is_too_coarse);
        if stuck.is_empty() {
            break;
        }
        if constraints.is_none() {
            order.needs_constraints = true;
            break;
        }
        match detour(&mut graph, &stuck) {
            Ok(true) => {}
            // What is left are long chains, which take a statement for each link.
            Ok(false) => break,
            Err(error) => {
                order.refusal = Some(error);
                break;
            }
        }
    }
    if constraints.is_some() && order.refusal.is_none() {
        order.refusal = order.runs.iter().find_map(|run| unwritable(&graph, run));
    }
    let is_new = |placed: &Placed| matches!(placed.node, Node::Insert(..) | Node::Inserts);
    order.has_new_in_circle =
        order.runs.iter().any(|run| run.is_circle && run.nodes.iter().any(is_new));
    order
}

/// Takes out what waits for a value of a constraint that can be looked at in the end.
fn defer(graph: &mut RowGraph<'_>, order: &mut Order) {
    let RowGraph { passes, unique, nodes, .. } = graph;
    passes.retain(|pass| {
        let both_updated = [pass.giver, pass.taker]
            .iter()
            .all(|&node| matches!(nodes[node as usize], Node::Update(..)));
        let Some(name) = unique[pass.unique].deferrable.as_ref().filter(|_| both_updated) else {
            return true;
        };
        if !order.deferred.contains(name) {
            order.deferred.push(name.clone());
        }
        false
    });
}

/// A pass among updated rows that is in a circle, or in a long chain.
struct Stuck {
    pass: Pass,
    is_in_circle: bool,
}

/// Returns the runs, the passes that are stuck, and whether something should come before or after
/// the new rows that are one node, and does not.
fn runs(graph: &RowGraph<'_>) -> (Vec<Run>, Vec<Stuck>, bool) {
    let mut edges = graph.edges.clone();
    edges.extend(graph.passes.iter().map(|pass| (pass.taker, pass.giver)));
    let (needed, mut preferences) = (edges.len(), graph.preferences.clone());
    let (whole, components, component_of) = loop {
        edges.truncate(needed);
        edges.extend(&preferences);
        let whole = Graph::new(graph.nodes.len(), &edges);
        let components = whole.components();
        let component_of = members_of(&components, graph.nodes.len());
        // What is only better so must not make a circle, or be in one.
        let before = preferences.len();
        let is_between =
            |&(from, to): &(u32, u32)| component_of[from as usize] != component_of[to as usize];
        preferences.retain(is_between);
        if preferences.len() == before {
            break (whole, components, component_of);
        }
    };
    let between: Vec<(u32, u32)> = edges
        .iter()
        .map(|&(from, to)| (component_of[from as usize], component_of[to as usize]))
        .filter(|(from, to)| from != to)
        .collect();
    let groups = groups(graph, &components);
    let ordered = Graph::new(components.len(), &between)
        .grouped_order(&groups)
        .expect("components do not wait for each other in circles");

    let is_update = |node: u32| matches!(graph.nodes[node as usize], Node::Update(..));
    let takers: HashSet<u32> = graph
        .passes
        .iter()
        .filter(|pass| is_update(pass.giver) && is_update(pass.taker))
        .map(|pass| pass.taker)
        .collect();
    let (mut result, mut levels) = (Vec::new(), vec![0_u32; graph.nodes.len()]);
    for (_, run) in ordered {
        let members = || run.iter().flat_map(|&component| &components[component as usize]).copied();
        let is_circle = run.len() == 1 && components[run[0] as usize].len() > 1;
        let of_run: HashSet<u32> = members().collect();
        let nodes = members().map(|node| {
            let before = whole.dependencies(node).iter().filter(|other| of_run.contains(other));
            let level = before.map(|&other| levels[other as usize] + 1).max().unwrap_or(0);
            let level = if is_circle { 0 } else { level };
            levels[node as usize] = level;
            let takes_from_update = takers.contains(&node);
            // What is written together with it, the database has not moved yet.
            let by = graph.moved.get(&node).into_iter().flatten();
            let before = by.filter(|(by, _)| !(is_circle && of_run.contains(by)));
            let moved = before.fold(0, |all, (_, parts)| all | parts);
            Placed { node: graph.nodes[node as usize], level, takes_from_update, moved }
        });
        let passes_to_new = graph.passes.iter().any(|pass| {
            let is_of_run = of_run.contains(&pass.giver) && of_run.contains(&pass.taker);
            is_of_run && is_update(pass.giver) && !is_update(pass.taker)
        });
        let inserts_first = is_circle && !passes_to_new;
        let mut nodes: Vec<Placed> = nodes.collect();
        if is_circle {
            put_new_in_order(graph, &of_run, &mut nodes);
        }
        result.push(Run { nodes, is_circle, inserts_first });
    }
    let stuck = graph.passes.iter().filter_map(|&pass| {
        let [giver, taker] = [pass.giver, pass.taker].map(|node| component_of[node as usize]);
        let is_in_circle = giver == taker;
        let is_stuck = is_in_circle || levels[pass.taker as usize] > MAX_LEVELS;
        (is_update(pass.giver) && is_update(pass.taker) && is_stuck)
            .then_some(Stuck { pass, is_in_circle })
    });
    let is_one = |node: u32| matches!(graph.nodes[node as usize], Node::Inserts);
    let is_kept: HashSet<_> = preferences.iter().collect();
    let mut dropped = graph.preferences.iter().filter(|edge| !is_kept.contains(edge));
    let is_too_coarse = dropped.any(|&(from, to)| is_one(from) || is_one(to));
    (result, stuck.collect(), is_too_coarse)
}

/// Orders the new rows of a circle among themselves, where others close the circle: a trigger may
/// look for what a row refers to.
fn put_new_in_order(graph: &RowGraph<'_>, of_run: &HashSet<u32>, nodes: &mut Vec<Placed>) {
    let is_new = |node: u32| matches!(graph.nodes[node as usize], Node::Insert(..));
    let mut new: Vec<u32> = of_run.iter().copied().filter(|&node| is_new(node)).collect();
    new.sort_unstable();
    let position: HashMap<u32, u32> = new.iter().copied().zip(0..).collect();
    let edges: Vec<(u32, u32)> = graph
        .edges
        .iter()
        .filter_map(|(from, to)| Some((*position.get(from)?, *position.get(to)?)))
        .collect();
    let table = |&node: &u32| match graph.nodes[node as usize] {
        Node::Insert(table, _) => table as u32,
        _ => 0,
    };
    let groups: Vec<u32> = new.iter().map(table).collect();
    let Ok(order) = Graph::new(new.len(), &edges).grouped_order(&groups) else { return };
    nodes.retain(|placed| !matches!(placed.node, Node::Insert(..)));
    let placed = |at: u32| Placed {
        node: graph.nodes[new[at as usize] as usize],
        level: 0,
        takes_from_update: false,
        moved: 0,
    };
    nodes.extend(order.into_iter().flat_map(|(_, run)| run).map(placed));
}

/// Returns the component of each node.
fn members_of(components: &[Vec<u32>], nodes: usize) -> Vec<u32> {
    let mut component_of = vec![0; nodes];
    for (component, members) in components.iter().enumerate() {
        members.iter().for_each(|&node| component_of[node as usize] = component as u32);
    }
    component_of
}

/// Returns the group of each component, in which the groups of lower numbers come first where they
/// can: deletes, children first; what is set aside; updates, by the names of their tables; circles;
/// and inserts, parents first.
fn groups(graph: &RowGraph<'_>, components: &[Vec<u32>]) -> Vec<u32> {
    let changed: Vec<&'static Table> =
        graph.changes.changed().iter().map(|rows| rows.table()).collect();
    let new: Vec<&'static Table> = graph.changes.tables().iter().map(|rows| rows.table()).collect();
    let (parents, rank_of_new) = (ranks(&changed), ranks(&new));
    let key = |component: &Vec<u32>| match (&component[..], graph.nodes[component[0] as usize]) {
        ([_, _, ..], _) => (3, component[0] as usize, 0),
        (_, Node::Delete(changed, _)) => (0, usize::MAX - parents[changed], changed),
        (_, Node::SetAside(changed, ..)) => (1, changed, 0),
        (_, Node::Update(at, _)) => (2, by_name(&changed, at), at),
        (_, Node::Insert(table, _)) => (4, rank_of_new[table], table),
        (_, Node::Inserts) => (4, 0, 0),
        (_, Node::Escaped) => (5, 0, 0),
    };
    let keys: Vec<_> = components.iter().map(key).collect();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let numbers: HashMap<_, u32> = sorted.into_iter().zip(0..).collect();
    keys.into_iter().map(|key| numbers[&key]).collect()
}

/// Returns the places of tables, each after those that it refers to.
pub(super) fn ranks(tables: &[&'static Table]) -> Vec<usize> {
    let mut ranks = vec![0; tables.len()];
    let components = Graph::new(tables.len(), &references(tables)).components();
    for (rank, component) in components.iter().enumerate() {
        component.iter().for_each(|&table| ranks[table as usize] = rank);
    }
    ranks
}

/// Returns which table refers to which, as declared.
pub(super) fn references(tables: &[&'static Table]) -> Vec<(u32, u32)> {
    let mut references = Vec::new();
    for (child, table) in tables.iter().enumerate() {
        for foreign_key in table.foreign_keys() {
            for (parent, other) in tables.iter().enumerate() {
                if foreign_key.target.is(other) {
                    references.push((child as u32, parent as u32));
                }
            }
        }
    }
    references
}

/// Returns the place of a table among others by its name, and then by its schema: so that it is the
/// same whether a model names the schema or not.
pub(super) fn by_name(tables: &[&'static Table], at: usize) -> usize {
    let name = |table: &Table| (table.name(), table.qualified_name().schema());
    tables.iter().filter(|table| name(table) < name(tables[at])).count()
}

/// Sets the givers of these passes aside, so that the takers need not wait for what becomes of them.
/// Gives whether there were any that could be.
///
/// # Errors
///
/// When there is no value for a row of a circle to have meanwhile.
fn detour(graph: &mut RowGraph<'_>, stuck: &[Stuck]) -> Result<bool, Error> {
    let mut set_aside: HashMap<(u32, usize), u32> = HashMap::new();
    for Stuck { pass, is_in_circle } in stuck {
        if set_aside.contains_key(&(pass.giver, pass.unique)) {
            continue;
        }
        let Node::Update(changed, at) = graph.nodes[pass.giver as usize] else { continue };
        let Some(column) = room(graph, changed, at, pass.unique) else {
            if *is_in_circle {
                return Err(no_room(graph, changed, pass.unique));
            }
            continue;
        };
        let node = graph.nodes.len() as u32;
        graph.nodes.push(Node::SetAside(changed, at, column));
        // What refers to the old value lets go of it before.
        let departures = graph
            .departures
            .iter()
            .filter(|(later, _, columns)| *later == pass.giver && columns.contains(&column.0));
        let before: Vec<u32> = departures.map(|(_, earlier, _)| *earlier).collect();
        before.into_iter().for_each(|earlier| graph.after(node, earlier));
        graph.after(pass.giver, node);
        set_aside.insert((pass.giver, pass.unique), node);
    }
    for pass in &mut graph.passes {
        if let Some(&node) = set_aside.get(&(pass.giver, pass.unique)) {
            pass.giver = node;
        }
    }
    Ok(!set_aside.is_empty())
}

/// Returns a column of a unique constraint that changes in a row, with the value that nobody has in
/// it, if there is one.
fn room(graph: &RowGraph<'_>, changed: usize, at: u32, unique: usize) -> Option<(usize, SetAside)> {
    let (rows, unique) = (&graph.changes.changed()[changed], &graph.unique[unique]);
    let columns = &unique.models.iter().find(|(model, _)| *model == rows.model())?.1;
    let changes = rows.columns_of(rows.updated()[at as usize]);
    let rooms = columns.iter().copied().zip(unique.room.iter().copied());
    let with_room = rooms.filter_map(|(column, room)| Some((column, room?)));
    let changing = with_room.filter(|(column, _)| changes.iter().any(|(other, _)| other == column));
    changing.min_by_key(|(_, room)| match room {
        SetAside::Null => 0,
        SetAside::Beyond | SetAside::Uuid => 1,
        SetAside::Text(_) => 2,
    })
}

/// Returns the error for a circle in which unique values pass on as well, if this run is one: rows
/// of one statement that give values to each other are in each other's way.
fn unwritable(graph: &RowGraph<'_>, run: &Run) -> Option<Error> {
    if !run.is_circle {
        return None;
    }
    let is_of_run =
        |node: u32| run.nodes.iter().any(|placed| placed.node == graph.nodes[node as usize]);
    let pass = graph.passes.iter().find(|pass| {
        matches!(graph.nodes[pass.taker as usize], Node::Update(..))
            && !matches!(graph.nodes[pass.giver as usize], Node::Delete(..))
            && is_of_run(pass.giver)
            && is_of_run(pass.taker)
    })?;
    let Node::Update(changed, _) = graph.nodes[pass.taker as usize] else { return None };
    let table = graph.changes.changed()[changed].table();
    let message = "changed rows pass unique values on to each other, while others refer to them, and \
                   no order of statements can write that";
    Some(Error::new(ErrorKind::Unsupported, message).with_table(table.name()).with_hint(
        "make the foreign key or the unique constraint DEFERRABLE, or write the changes in two \
         commits",
    ))
}

fn no_room(graph: &RowGraph<'_>, changed: usize, unique: usize) -> Error {
    let rows = &graph.changes.changed()[changed];
    let models = graph.unique[unique].models.iter();
    let columns = models.filter(|(model, _)| *model == rows.model()).flat_map(|(_, c)| c);
    let names: Vec<_> = columns.map(|&column| rows.table().columns()[column].name()).collect();
    let message = format!(
        "changed rows pass the values of {} on to each other, and there is no other value of its \
         type that a row could have meanwhile",
        names.join(", ")
    );
    Error::new(ErrorKind::Unsupported, message).with_table(rows.table().name()).with_hint(
        "make the constraint DEFERRABLE, or write the changes in two commits, with values of your \
         own in between",
    )
}
