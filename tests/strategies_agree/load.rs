//! Random graphs are loaded, in one statement and a level at a time, and compared with what `children`
//! and `find` give.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use onetrip::{Error, Graph, Handle, Model, Relations, Strategy, UnitOfWork};
use postgres::Client;

use crate::fields::Parts;
use crate::model::{Keyed, MAX_TABLES, Node, Numbered};
use crate::random::Random;
use crate::schema::{ColumnOf, Schema};

/// Relations to load below the rows of a table.
type Asked = Vec<Ask>;

#[derive(Debug)]
struct Ask {
    kind: Kind,
    /// The model of the rows.
    model: usize,
    /// A column that the foreign key has alone.
    column: String,
    /// Rows with this label are left out.
    without: Option<String>,
    /// Rows are in the order of their labels, the last first, and so many for each row above.
    limit: Option<usize>,
    below: Asked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Children,
    Parent,
    Descendants,
}

/// Calls a function that is generic over the number of a model.
macro_rules! for_model {
    ($model:expr, $function:ident::<$($before:ident,)* _>($($argument:expr),*)) => {
        match $model {
            0 => $function::<$($before,)* 0>($($argument),*),
            1 => $function::<$($before,)* 1>($($argument),*),
            2 => $function::<$($before,)* 2>($($argument),*),
            3 => $function::<$($before,)* 3>($($argument),*),
            4 => $function::<$($before,)* 4>($($argument),*),
            5 => $function::<$($before,)* 5>($($argument),*),
            6 => $function::<$($before,)* 6>($($argument),*),
            7 => $function::<$($before,)* 7>($($argument),*),
            8 => $function::<$($before,)* 8>($($argument),*),
            _ => $function::<$($before,)* 9>($($argument),*),
        }
    };
}

/// Loads random graphs of what the tables hold.
///
/// # Errors
///
/// A text that says what a graph has, and what it should have.
pub(crate) fn compare_graphs(
    client: &mut Client,
    schema: &Schema,
    random: &mut Random,
) -> Result<(), String> {
    // Each model at the root is code of its own. Further down are all of them.
    let root = 0;
    let asked = ask_for(schema, root, 3, random, &mut HashMap::new());
    // The strategy learns of indexes from the second load, and the third uses them.
    let strategy = Strategy::default();
    for is_split in [false, false, false, true] {
        let mut uow = UnitOfWork::new(&mut *client).with_strategy(strategy.clone());
        let compared = match schema.tables[root].key.len() {
            1 => compare_graph::<0>(&mut uow, schema, &asked, is_split),
            _ => compare_graph::<{ MAX_TABLES }>(&mut uow, schema, &asked, is_split),
        };
        compared.map_err(|error| format!("the graph {asked:#?}, split {is_split}: {error}"))?;
    }
    Ok(())
}

/// Of each foreign key, by table and column, whether it is asked for with a condition. Then it is asked for
/// once: an entity that several levels have would have what one of them was asked for.
type Known = HashMap<(usize, String), bool>;

fn ask_for(
    schema: &Schema,
    table: usize,
    depth: usize,
    random: &mut Random,
    known: &mut Known,
) -> Asked {
    let mut asked = Asked::new();
    if depth == 0 {
        return asked;
    }
    let name = |table: usize, at: usize| schema.column_name(table, at);
    let mut candidates = Vec::new();
    for (other, described) in schema.describe().into_iter().enumerate() {
        for foreign_key in described.table.foreign_keys() {
            // A column that no other foreign key to the same table has.
            let is_alone = |at: &&usize| {
                let mut all = described.table.foreign_keys();
                !all.any(|fk| {
                    fk.target.name() == foreign_key.target.name()
                        && fk.columns != foreign_key.columns
                        && fk.columns.contains(at)
                })
            };
            let Some(&alone) = foreign_key.columns.iter().find(is_alone) else { continue };
            let column = name(other, alone);
            if foreign_key.target.name() == schema.tables[table].name {
                candidates.push((Kind::Children, other, column.clone()));
                if other == table {
                    candidates.push((Kind::Descendants, other, column.clone()));
                }
            }
            if other == table {
                let is_target = |at: &usize| schema.tables[*at].name == foreign_key.target.name();
                if let Some(target) = (0..schema.tables.len()).find(is_target) {
                    candidates.push((Kind::Parent, target, column));
                }
            }
        }
    }
    let mut seen = HashSet::new();
    for (kind, other, column) in candidates {
        if random.chance(40) || !seen.insert((kind == Kind::Parent, other, column.clone())) {
            continue;
        }
        let has_limit = kind == Kind::Children && random.chance(30);
        let is_cut = random.chance(30);
        let child = if kind == Kind::Parent { table } else { other };
        match known.entry((child, column.clone())) {
            Entry::Occupied(known) if *known.get() || has_limit || is_cut => continue,
            entry => {
                entry.or_insert(has_limit || is_cut);
            }
        }
        asked.push(Ask {
            kind,
            model: schema.model(other),
            column,
            without: is_cut.then(|| format!("t{other}/{}", random.below(8))),
            limit: has_limit.then(|| 1 + random.below(2)),
            below: ask_for(schema, other, depth - 1, random, known),
        });
    }
    asked
}

fn ask<const N: usize>(relations: &mut Relations<'_, Node<N>>, asked: &[Ask])
where
    Numbered<N>: Keyed,
{
    for one in asked {
        for_model!(one.model, ask_one::<N, _>(relations, one));
    }
}

fn ask_one<const N: usize, const M: usize>(relations: &mut Relations<'_, Node<N>>, one: &Ask)
where
    Numbered<N>: Keyed,
    Numbered<M>: Keyed,
{
    let below = |relations: &mut Relations<'_, Node<M>>| ask::<M>(relations, &one.below);
    let condition = "label <> $1";
    if one.kind == Kind::Parent {
        let mut parent = relations.parent_by::<Node<M>>(&one.column);
        if let Some(label) = &one.without {
            parent = parent.filter(condition).bind(label);
        }
        return parent.with(below);
    }
    if one.kind == Kind::Descendants {
        let mut descendants = relations.descendants_by(&one.column);
        if let Some(label) = &one.without {
            descendants = descendants.filter(condition).bind(label);
        }
        return descendants.with(|relations| ask::<N>(relations, &one.below));
    }
    let mut children = relations.children_by::<Node<M>>(&one.column);
    if let Some(label) = &one.without {
        children = children.filter(condition).bind(label);
    }
    if let Some(limit) = one.limit {
        children = children.order_by("label COLLATE \"C\" DESC").limit(limit as u64);
    }
    children.with(below);
}

fn compare_graph<const R: usize>(
    uow: &mut UnitOfWork<'_>,
    schema: &Schema,
    asked: &[Ask],
    is_split: bool,
) -> Result<(), String>
where
    Numbered<R>: Keyed,
{
    let said = |error: Error| error.to_string();
    let query = uow.query::<Node<R>>("true").order_by("label COLLATE \"C\"").limit(4);
    let query = query.with(|relations| ask::<R>(relations, asked));
    let graph = if is_split { query.split() } else { query }.load().map_err(said)?;
    let roots: Vec<_> = graph.roots().collect();
    check::<R, R>(uow, schema, &graph, &roots, asked)
}

fn check<const R: usize, const N: usize>(
    uow: &mut UnitOfWork<'_>,
    schema: &Schema,
    graph: &Graph<Node<R>>,
    rows: &[Handle<Node<N>>],
    asked: &[Ask],
) -> Result<(), String>
where
    Numbered<R>: Keyed,
    Numbered<N>: Keyed,
{
    for one in asked {
        for_model!(one.model, check_one::<R, N, _>(uow, schema, graph, rows, one))?;
    }
    Ok(())
}

fn check_one<const R: usize, const N: usize, const M: usize>(
    uow: &mut UnitOfWork<'_>,
    schema: &Schema,
    graph: &Graph<Node<R>>,
    rows: &[Handle<Node<N>>],
    one: &Ask,
) -> Result<(), String>
where
    Numbered<R>: Keyed,
    Numbered<N>: Keyed,
    Numbered<M>: Keyed,
{
    let text = |error: Error| error.to_string();
    let mut below: Vec<Handle<Node<M>>> = Vec::new();
    if one.kind == Kind::Parent {
        for &row in rows {
            let ours = graph.parent_by::<Node<M>>(&one.column, row).map_err(text)?;
            let theirs = parent_of::<N, M>(uow, row, &one.column).map_err(text)?;
            let theirs = theirs.filter(|&parent| is_selected(uow, schema, parent, one));
            if ours != theirs {
                return Err(format!("{row:?} has the parent {ours:?}, and not {theirs:?}"));
            }
            below.extend(ours);
        }
        return check::<R, M>(uow, schema, graph, &below, &one.below);
    }
    let mut rows = rows.to_vec();
    let mut seen = HashSet::new();
    while !rows.is_empty() {
        rows.retain(|&row| seen.insert(row));
        let all = uow.children_by::<Node<M>, Node<N>>(&one.column, &rows).map_err(text)?;
        let mut next: Vec<Handle<Node<M>>> = Vec::new();
        for (&row, mut theirs) in rows.iter().zip(all) {
            theirs.retain(|&child| is_selected(uow, schema, child, one));
            if let Some(limit) = one.limit {
                theirs.sort_by_key(|&child| std::cmp::Reverse(label(uow, schema, child)));
                theirs.truncate(limit);
            }
            let ours = graph.children_by::<Node<M>>(&one.column, row).map_err(text)?;
            if !ours.clone().eq(theirs.iter().copied()) {
                return Err(format!("{row:?} has the children {ours:?}, and not {theirs:?}"));
            }
            for child in ours {
                let parent = graph.parent_by::<Node<N>>(&one.column, child).map_err(text)?;
                if parent != Some(row) {
                    return Err(format!("{child:?} has the parent {parent:?}, and not {row:?}"));
                }
            }
            next.extend(theirs);
        }
        below.extend(&next);
        if one.kind != Kind::Descendants {
            break;
        }
        // The model is the same.
        rows = next.iter().filter_map(|child| same_model::<M, N>(*child)).collect();
    }
    check::<R, M>(uow, schema, graph, &below, &one.below)
}

fn same_model<const M: usize, const N: usize>(child: Handle<Node<M>>) -> Option<Handle<Node<N>>>
where
    Numbered<M>: Keyed,
    Numbered<N>: Keyed,
{
    (&child as &dyn std::any::Any).downcast_ref().copied()
}

/// The parent, by the key that the foreign key holds.
fn parent_of<const N: usize, const M: usize>(
    uow: &mut UnitOfWork<'_>,
    row: Handle<Node<N>>,
    column: &str,
) -> Result<Option<Handle<Node<M>>>, Error>
where
    Numbered<N>: Keyed,
    Numbered<M>: Keyed,
{
    let table = Node::<N>::table();
    let mut foreign_keys = table.foreign_keys();
    let foreign_key = foreign_keys.find(|foreign_key| {
        foreign_key.columns.iter().any(|&at| table.columns()[at].name() == column)
            && foreign_key.target.name() == Node::<M>::table().name()
    });
    let Some(foreign_key) = foreign_key else { return Ok(None) };
    let parts: Option<Vec<_>> = foreign_key.columns.iter().map(|&at| uow[row].value(at)).collect();
    let Some(parts) = parts else { return Ok(None) };
    let key: <Node<M> as Model>::Key = Parts::from_parts(&parts);
    uow.find::<Node<M>>(key)
}

fn is_selected<const N: usize>(
    uow: &UnitOfWork<'_>,
    schema: &Schema,
    row: Handle<Node<N>>,
    one: &Ask,
) -> bool
where
    Numbered<N>: Keyed,
{
    one.without.as_ref().is_none_or(|without| label(uow, schema, row) != without.as_bytes())
}

fn label<const N: usize>(uow: &UnitOfWork<'_>, schema: &Schema, row: Handle<Node<N>>) -> Vec<u8>
where
    Numbered<N>: Keyed,
{
    let is_of = |table: &usize| schema.model(*table) == N;
    let table = (0..schema.tables.len()).find(is_of).expect("the model is in use");
    let at = schema.tables[table].position(ColumnOf::Label);
    uow[row].value(at).expect("labels are never NULL").0
}
