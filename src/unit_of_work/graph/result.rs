//! `Graph`: which entities belong to which.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;

use crate::error::{Error, ErrorKind};
use crate::graph::NOBODY;
use crate::handle::{Handle, Stamp};
use crate::model::Model;
use crate::unit_of_work::load::foreign_key;

/// A loaded graph of entities. It knows the children and the parents of each entity, as the database
/// had them. The entities themselves are in the unit of work.
///
/// A graph stays as it was loaded: entities that are added, changed or deleted later do not change the
/// graph.
pub struct Graph<T> {
    stamp: Stamp,
    /// The slots of the roots.
    roots: Vec<u32>,
    ties: Vec<Tie>,
    model: PhantomData<fn() -> T>,
}

/// The entities of some levels, and those that refer to them by one foreign key.
pub(super) struct Tie {
    parent: TypeId,
    child: TypeId,
    foreign_key: &'static [usize],
    /// The parents were asked for, and not the children.
    leads_to_parents: bool,
    /// The model and the foreign key to which the children lead, if they are links.
    links_to: Option<(TypeId, &'static [usize])>,
    /// Parents by slot.
    parents: Places,
    /// Children by slot.
    children: Places,
    /// For each parent, where its children begin in `slots`. Those of the next end them.
    starts: Vec<u32>,
    /// The slots of children, by parent.
    slots: Vec<u32>,
    /// For each child, the slot of its parent.
    parent_of: Vec<u32>,
}

/// Slots and their places, by slot.
struct Places(Vec<(u32, u32)>);

impl Places {
    fn new(slots: &[u32]) -> Places {
        let mut places: Vec<_> = slots.iter().copied().zip(0..).collect();
        places.retain(|(slot, _)| *slot != NOBODY);
        places.sort_unstable();
        // Two levels can have an entity: the first counts.
        places.dedup_by_key(|(slot, _)| *slot);
        Places(places)
    }

    fn get(&self, slot: u32) -> Option<usize> {
        let at = self.0.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        Some(self.0[at].1 as usize)
    }
}

impl Tie {
    /// Returns the tie of these parents and children, given as slots. `matches` has the position of the
    /// parent of each child. With `keys`, which are those of the children, the children of each parent are
    /// put in their order.
    pub(super) fn new(
        (parent, child): (TypeId, TypeId),
        (foreign_key, leads_to_parents): (&'static [usize], bool),
        links_to: Option<(TypeId, &'static [usize])>,
        parents: &[u32],
        children: &[u32],
        matches: &[u32],
        keys: Option<&[i64]>,
    ) -> Tie {
        let pairs = || {
            let pairs = matches.iter().zip(children).zip(0_usize..);
            let is_pair =
                |((at, child), _): &((&u32, &u32), usize)| **at != NOBODY && **child != NOBODY;
            pairs.filter(is_pair).map(|((&at, &child), place)| (at as usize, child, place))
        };
        let mut starts = vec![0_u32; parents.len() + 1];
        for (at, _, _) in pairs() {
            starts[at + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let (mut ends, mut sorted) = (starts.clone(), vec![(0, 0); pairs().count()]);
        for (at, child, place) in pairs() {
            sorted[ends[at] as usize] = (child, place);
            ends[at] += 1;
        }
        if let Some(keys) = keys {
            let key = |&(_, place): &(u32, usize)| keys.get(place).copied();
            for group in starts.windows(2) {
                sorted[group[0] as usize..group[1] as usize].sort_by_key(key);
            }
        }
        let slots = sorted.into_iter().map(|(child, _)| child).collect();
        let parent_of = |at: &u32| parents.get(*at as usize).copied().unwrap_or(NOBODY);
        Tie {
            parent,
            child,
            foreign_key,
            leads_to_parents,
            links_to,
            parents: Places::new(parents),
            children: Places::new(children),
            starts,
            slots,
            parent_of: matches.iter().map(parent_of).collect(),
        }
    }

    /// Returns the slots of the children of a parent, or `None` if the tie does not have the parent.
    fn children_of(&self, parent: u32) -> Option<&[u32]> {
        let at = self.parents.get(parent)?;
        let ends = (*self.starts.get(at)?, *self.starts.get(at + 1)?);
        self.slots.get(ends.0 as usize..ends.1 as usize)
    }

    /// Returns the slot of the parent of a child, or [`NOBODY`]; `None` if the tie does not have the
    /// child.
    fn parent_of(&self, child: u32) -> Option<u32> {
        let at = self.children.get(child)?;
        Some(self.parent_of.get(at).copied().unwrap_or(NOBODY))
    }
}

impl<T: Model> Graph<T> {
    pub(super) fn new(stamp: Stamp, roots: Vec<u32>, ties: Vec<Tie>) -> Graph<T> {
        Graph { stamp, roots, ties, model: PhantomData }
    }

    /// Returns the entities that the graph begins with: in the order of the query, or as they were given.
    #[must_use]
    pub fn roots(&self) -> Handles<'_, T> {
        Handles::new(self.stamp, &self.roots)
    }

    /// Returns the children that the graph has of an entity, in the order that was asked for.
    ///
    /// If several levels of the graph have an entity, its children are those that the first of these
    /// levels was asked for. If only parents were asked for, the children of a parent are the entities
    /// that led to it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when the graph was not asked for this relation, or when the graph has
    /// several relations between these models: call [`children_by`](Graph::children_by) then.
    /// [`ErrorKind::Handle`] when the parent is in no level that was asked for its children.
    ///
    /// ```
    /// # use onetrip::{ForeignKey, Graph, Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "addresses")]
    /// # struct Address { #[model(key)] id: Option<i32>, email: String, user_id: ForeignKey<User> }
    /// fn without_address(users: &Graph<User>) -> Result<usize, onetrip::Error> {
    ///     let mut count = 0;
    ///     for user in users.roots() {
    ///         count += usize::from(users.children::<Address>(user)?.len() == 0);
    ///     }
    ///     Ok(count)
    /// }
    /// # let _ = without_address;
    /// ```
    pub fn children<C: Model>(&self, parent: Handle<impl Model>) -> Result<Handles<'_, C>, Error> {
        self.children_in(parent, None)
    }

    /// Returns the children that the graph has of an entity, by the foreign key that has this column.
    ///
    /// # Errors
    ///
    /// Those of [`children`](Graph::children).
    pub fn children_by<C: Model>(
        &self,
        column: &str,
        parent: Handle<impl Model>,
    ) -> Result<Handles<'_, C>, Error> {
        self.children_in(parent, Some(column))
    }

    fn children_in<C: Model, P: Model>(
        &self,
        parent: Handle<P>,
        column: Option<&str>,
    ) -> Result<Handles<'_, C>, Error> {
        self.members(parent, self.ties::<C, P>(column, "children_by")?)
    }

    /// Returns the children of an entity by the first of these ties that has it.
    fn members<'g, C: Model, P: Model>(
        &'g self,
        parent: Handle<P>,
        mut ties: Vec<&'g Tie>,
    ) -> Result<Handles<'g, C>, Error> {
        // Where only parents were asked for, they have no more children than led to them.
        ties.sort_by_key(|tie| tie.leads_to_parents);
        let slots = ties.into_iter().find_map(|tie| tie.children_of(parent.slot()));
        let slots = slots.filter(|_| parent.stamp() == self.stamp).ok_or_else(not_here::<P>)?;
        Ok(Handles::new(self.stamp, slots))
    }

    /// Returns the parent of an entity, if the graph has it. The result is `None` if the entity refers
    /// to nothing, or if the parent was not selected.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when the graph was not asked for this relation, or when the graph has
    /// several relations between these models: call [`parent_by`](Graph::parent_by) then.
    /// [`ErrorKind::Handle`] when the child is in no level that was asked for its parent.
    pub fn parent<P: Model>(&self, child: Handle<impl Model>) -> Result<Option<Handle<P>>, Error> {
        self.parent_in(child, None)
    }

    /// Returns the parent of an entity, by the foreign key that has this column, if the graph has it.
    ///
    /// # Errors
    ///
    /// Those of [`parent`](Graph::parent).
    pub fn parent_by<P: Model>(
        &self,
        column: &str,
        child: Handle<impl Model>,
    ) -> Result<Option<Handle<P>>, Error> {
        self.parent_in(child, Some(column))
    }

    fn parent_in<P: Model, C: Model>(
        &self,
        child: Handle<C>,
        column: Option<&str>,
    ) -> Result<Option<Handle<P>>, Error> {
        let ties = self.ties::<C, P>(column, "parent_by")?;
        let slots = ties.into_iter().filter_map(|tie| tie.parent_of(child.slot()));
        // The lowest is that of a parent, if one of the ties has it.
        let slot = slots.min().filter(|_| child.stamp() == self.stamp).ok_or_else(not_here::<C>)?;
        Ok((slot != NOBODY).then(|| Handle::new(self.stamp, slot)))
    }

    /// Returns the entities to which links of `L` lead from an entity, in the order that was asked for.
    ///
    /// # Errors
    ///
    /// Those of [`children`](Graph::children) and [`parent`](Graph::parent), for the foreign keys of
    /// the links. If there are several, call [`through_by`](Graph::through_by).
    pub fn through<L: Model, C: Model>(
        &self,
        from: Handle<impl Model>,
    ) -> Result<Vec<Handle<C>>, Error> {
        self.through_in::<L, C, _>(from, None, None)
    }

    /// Returns the entities to which links of `L` lead from an entity, by two foreign keys of the link
    /// table. `columns` names a column of the foreign key that refers to the entity, and a column of
    /// the foreign key that refers to `C`.
    ///
    /// # Errors
    ///
    /// Those of [`through`](Graph::through).
    pub fn through_by<L: Model, C: Model>(
        &self,
        columns: (&str, &str),
        from: Handle<impl Model>,
    ) -> Result<Vec<Handle<C>>, Error> {
        self.through_in::<L, C, _>(from, Some(columns.0), Some(columns.1))
    }

    fn through_in<L: Model, C: Model, P: Model>(
        &self,
        from: Handle<P>,
        from_column: Option<&str>,
        to_column: Option<&str>,
    ) -> Result<Vec<Handle<C>>, Error> {
        let to = foreign_key::<L, C>(to_column, "through_by")?;
        let mut ties = self.ties::<L, P>(from_column, "through_by")?;
        // Links of one table can lead to rows of several: those that were selected for these come first.
        ties.sort_by_key(|tie| tie.links_to != Some((TypeId::of::<C>(), to)));
        let mut found = Vec::new();
        for link in self.members::<L, P>(from, ties)? {
            found.extend(self.parent_in::<C, L>(link, to_column)?);
        }
        Ok(found)
    }

    /// Returns the ties between two models, which are of one foreign key.
    fn ties<C: Model, P: Model>(&self, column: Option<&str>, by: &str) -> Result<Vec<&Tie>, Error> {
        let wanted = match column {
            Some(_) => Some(foreign_key::<C, P>(column, by)?),
            None => None,
        };
        let is_between = move |tie: &&Tie| {
            let models = (TypeId::of::<P>(), TypeId::of::<C>());
            (tie.parent, tie.child) == models
                && wanted.is_none_or(|wanted| tie.foreign_key == wanted)
        };
        let mut keys = self.ties.iter().filter(is_between).map(|tie| tie.foreign_key);
        let (child, parent) = (C::table().name(), P::table().name());
        let error = |message: String| Error::new(ErrorKind::Model, message).with_table(child);
        let Some(first) = keys.next() else {
            let message = format!("the graph was not asked for the rows that refer to {parent}");
            return Err(error(message)
                .with_hint("load it, too: name it by `children` or `parent` in `with`"));
        };
        if keys.any(|other| other != first) {
            let message = format!("the graph has several relations to {parent}");
            let hint = format!("name a column that only the one you mean has, with `{by}`");
            return Err(error(message).with_hint(hint));
        }
        Ok(self.ties.iter().filter(is_between).collect())
    }
}

/// Returns the error for an entity that the graph does not have.
fn not_here<T: Model>() -> Error {
    let message = "the entity is not in the graph, at a level that was asked for this relation";
    Error::new(ErrorKind::Handle, message).with_table(T::table().name())
}

/// The handles of entities of one model, as [`Graph::roots`] and [`Graph::children`] return them.
pub struct Handles<'g, T> {
    stamp: Stamp,
    slots: std::slice::Iter<'g, u32>,
    model: PhantomData<fn() -> T>,
}

impl<'g, T> Handles<'g, T> {
    fn new(stamp: Stamp, slots: &'g [u32]) -> Handles<'g, T> {
        Handles { stamp, slots: slots.iter(), model: PhantomData }
    }
}

impl<T> Iterator for Handles<'_, T> {
    type Item = Handle<T>;

    fn next(&mut self) -> Option<Handle<T>> {
        self.slots.next().map(|&slot| Handle::new(self.stamp, slot))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.slots.size_hint()
    }
}

impl<T> DoubleEndedIterator for Handles<'_, T> {
    fn next_back(&mut self) -> Option<Handle<T>> {
        self.slots.next_back().map(|&slot| Handle::new(self.stamp, slot))
    }
}

impl<T> ExactSizeIterator for Handles<'_, T> {}

impl<T> Clone for Handles<'_, T> {
    fn clone(&self) -> Self {
        Handles { stamp: self.stamp, slots: self.slots.clone(), model: PhantomData }
    }
}

impl<T> fmt::Debug for Handles<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<T> fmt::Debug for Graph<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}
