//! `Relations`: what is loaded below the entities of a level.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;

use super::entities::{Entities, Of};
use crate::error::{Error, ErrorKind};
use crate::graph::{Level, Levels, Relation};
use crate::model::{Model, Parameter};
use crate::unit_of_work::load::foreign_key;

/// What a graph consists of, as far as it is said yet.
pub(super) struct Draft {
    pub(super) levels: Levels,
    /// The models of the levels.
    pub(super) models: Vec<Box<dyn Entities>>,
    /// The first mistake.
    pub(super) mistake: Option<Error>,
}

impl Draft {
    /// Returns the first mistake, if there is one.
    pub(super) fn take_mistake(&mut self) -> Option<Error> {
        self.mistake.take().or_else(|| self.levels.take_error())
    }

    pub(super) fn new<T: Model>(root: Level) -> Draft {
        Draft { levels: Levels::new(root), models: vec![Of::<T>::entities()], mistake: None }
    }

    /// Appends a level below another. A mistake is kept, and the level leads nowhere.
    fn push<T: Model>(
        &mut self,
        above: usize,
        columns: Result<&'static [usize], Error>,
        relation: impl FnOnce(&'static [usize]) -> Relation,
    ) -> usize {
        let columns = columns.unwrap_or_else(|error| {
            self.mistake.get_or_insert(error);
            &[]
        });
        let relation = relation(columns);
        // Links of one table can lead to rows of several.
        let is_same = |(at, level): (usize, &Level)| {
            self.models[at].model() == TypeId::of::<T>()
                && !matches!(level.relation, Relation::Children { through: Some(_), .. })
                && std::mem::discriminant(&level.relation) == std::mem::discriminant(&relation)
                && level.relation.above() == Some(above)
                && level.relation.columns() == columns
        };
        if self.mistake.is_none() && self.levels.iter().enumerate().any(is_same) {
            let message = "the graph asks twice for the same relation of the same rows";
            let error = Error::new(ErrorKind::Model, message).with_table(T::table().name());
            self.mistake = Some(error.with_hint("one condition can have both cases, with OR"));
        }
        self.models.push(Of::<T>::entities());
        self.levels.push(T::table(), relation)
    }
}

/// The relations that are loaded below the entities of one level of a graph. The functions that
/// [`Query::with`](crate::Query::with), [`ToMany::with`] and [`ToOne::with`] take add relations.
pub struct Relations<'g, T> {
    draft: &'g mut Draft,
    level: usize,
    model: PhantomData<fn() -> T>,
}

impl<'g, T: Model> Relations<'g, T> {
    pub(super) fn new(draft: &'g mut Draft, level: usize) -> Relations<'g, T> {
        Relations { draft, level, model: PhantomData }
    }

    /// Loads the children of each entity: the rows of `C` that refer to it.
    ///
    /// A model without a foreign key to `T`, or with several, is an error when the graph is loaded. If
    /// there are several, call [`children_by`](Relations::children_by).
    pub fn children<C: Model>(&mut self) -> ToMany<'_, C> {
        self.push_children::<C>(foreign_key::<C, T>(None, "children_by"))
    }

    /// Loads the children of each entity, by the foreign key that has this column.
    pub fn children_by<C: Model>(&mut self, column: &str) -> ToMany<'_, C> {
        self.push_children::<C>(foreign_key::<C, T>(Some(column), "children_by"))
    }

    fn push_children<C: Model>(
        &mut self,
        columns: Result<&'static [usize], Error>,
    ) -> ToMany<'_, C> {
        let above = self.level;
        let level = self.draft.push::<C>(above, columns, |columns| Relation::Children {
            above,
            columns,
            through: None,
        });
        ToMany::new(self.draft, level)
    }

    /// Loads the parent of each entity: the row of `P` that it refers to. Each parent is loaded once,
    /// however many entities refer to it.
    ///
    /// A model without a foreign key to `P`, or with several, is an error when the graph is loaded. If
    /// there are several, call [`parent_by`](Relations::parent_by).
    pub fn parent<P: Model>(&mut self) -> ToOne<'_, P> {
        self.push_parent::<P>(foreign_key::<T, P>(None, "parent_by"))
    }

    /// Loads the parent of each entity, by the foreign key that has this column.
    pub fn parent_by<P: Model>(&mut self, column: &str) -> ToOne<'_, P> {
        self.push_parent::<P>(foreign_key::<T, P>(Some(column), "parent_by"))
    }

    fn push_parent<P: Model>(&mut self, columns: Result<&'static [usize], Error>) -> ToOne<'_, P> {
        let above = self.level;
        let relation = |columns| Relation::Parent { above, columns };
        let level = self.draft.push::<P>(above, columns, relation);
        ToOne::new(self.draft, level)
    }

    /// Loads the entities that are linked to each entity, many to many: the rows of the link table `L`
    /// that refer to the entity, and the rows of `C` to which these rows refer.
    ///
    /// Condition, order and limit are those of `C`; links to rows that are not selected are not loaded.
    /// Links and rows of `C` are entities: [`Graph::through`](crate::Graph::through) returns the rows
    /// of `C`, and [`Graph::children`](crate::Graph::children) returns the links.
    ///
    /// ```
    /// # use onetrip::{ForeignKey, Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "students")]
    /// # struct Student { #[model(key)] id: Option<i32>, name: String }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "courses")]
    /// # struct Course { #[model(key)] id: Option<i32>, title: String }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "enrolments")]
    /// # struct Enrolment {
    /// #     #[model(key)] student_id: ForeignKey<Student>,
    /// #     #[model(key)] course_id: ForeignKey<Course>,
    /// # }
    /// fn print(uow: &mut UnitOfWork<'_>) -> Result<(), onetrip::Error> {
    ///     let students = uow
    ///         .query::<Student>("true")
    ///         .with(|student| {
    ///             student.through::<Enrolment, Course>().order_by("title").limit(3);
    ///         })
    ///         .load()?;
    ///     for student in students.roots() {
    ///         for course in students.through::<Enrolment, Course>(student)? {
    ///             println!("{}: {}", uow[student].name, uow[course].title);
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = print;
    /// ```
    pub fn through<L: Model, C: Model>(&mut self) -> ToMany<'_, C> {
        let from = foreign_key::<L, T>(None, "through_by");
        self.push_through::<L, C>(from, foreign_key::<L, C>(None, "through_by"))
    }

    /// Loads the entities that are linked to each entity, by two foreign keys of the link table: the
    /// foreign key with the column `from` refers to the entity, and the foreign key with the column
    /// `to` refers to `C`.
    pub fn through_by<L: Model, C: Model>(&mut self, from: &str, to: &str) -> ToMany<'_, C> {
        let from = foreign_key::<L, T>(Some(from), "through_by");
        self.push_through::<L, C>(from, foreign_key::<L, C>(Some(to), "through_by"))
    }

    fn push_through<L: Model, C: Model>(
        &mut self,
        from: Result<&'static [usize], Error>,
        to: Result<&'static [usize], Error>,
    ) -> ToMany<'_, C> {
        let above = self.level;
        let target = self.draft.levels.len() + 1;
        let link = self.draft.push::<L>(above, from, |columns| Relation::Children {
            above,
            columns,
            through: Some(target),
        });
        let level =
            self.draft.push::<C>(link, to, |columns| Relation::Parent { above: link, columns });
        ToMany::new(self.draft, level)
    }

    /// Loads the children of each entity, their children, and so on, for a table that refers to itself.
    ///
    /// A row that the condition leaves out is not loaded, and neither are the rows below it. A circle
    /// of rows ends where it begins.
    pub fn descendants(&mut self) -> ToMany<'_, T> {
        self.push_descendants(foreign_key::<T, T>(None, "descendants_by"))
    }

    /// Loads the descendants of each entity, by the foreign key that has this column.
    pub fn descendants_by(&mut self, column: &str) -> ToMany<'_, T> {
        self.push_descendants(foreign_key::<T, T>(Some(column), "descendants_by"))
    }

    fn push_descendants(&mut self, columns: Result<&'static [usize], Error>) -> ToMany<'_, T> {
        let above = self.level;
        let relation = |columns| Relation::Descendants { above, columns };
        let level = self.draft.push::<T>(above, columns, relation);
        ToMany::new(self.draft, level)
    }

    /// Loads the parent of each entity, the parent of the parent, and so on, for a table that refers to
    /// itself.
    ///
    /// A row that the condition leaves out is not loaded, and neither are the rows above it.
    pub fn ancestors(&mut self) -> ToOne<'_, T> {
        self.push_ancestors(foreign_key::<T, T>(None, "ancestors_by"))
    }

    /// Loads the ancestors of each entity, by the foreign key that has this column.
    pub fn ancestors_by(&mut self, column: &str) -> ToOne<'_, T> {
        self.push_ancestors(foreign_key::<T, T>(Some(column), "ancestors_by"))
    }

    fn push_ancestors(&mut self, columns: Result<&'static [usize], Error>) -> ToOne<'_, T> {
        let above = self.level;
        let relation = |columns| Relation::Ancestors { above, columns };
        let level = self.draft.push::<T>(above, columns, relation);
        ToOne::new(self.draft, level)
    }
}

macro_rules! selects {
    ($name:ident) => {
        impl<'g, T: Model> $name<'g, T> {
            fn new(draft: &'g mut Draft, level: usize) -> $name<'g, T> {
                $name { draft, level, model: PhantomData }
            }

            /// Loads only rows that meet a condition. The condition is the text of a `WHERE`, as that
            /// of [`query`](crate::UnitOfWork::query), with parameters of its own, from `$1` on.
            ///
            /// A second condition replaces the first.
            pub fn filter(self, condition: impl Into<String>) -> Self {
                self.draft.levels.at_mut(self.level).selection.condition = Some(condition.into());
                self
            }

            /// Binds the value of the next parameter of this level; see [`Parameter`].
            #[allow(clippy::needless_pass_by_value, reason = "as that of `Query`")]
            pub fn bind<P: Parameter>(self, value: P) -> Self {
                self.draft.levels.at_mut(self.level).selection.bound.push(&value);
                self
            }

            /// Adds relations that are loaded below these entities.
            pub fn with(self, below: impl FnOnce(&mut Relations<'_, T>)) {
                below(&mut Relations::new(self.draft, self.level));
            }
        }

        impl<T> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("level", &self.level)
                    .finish_non_exhaustive()
            }
        }
    };
}

/// A relation that leads to many entities: children, descendants, linked entities.
pub struct ToMany<'g, T> {
    draft: &'g mut Draft,
    level: usize,
    model: PhantomData<fn() -> T>,
}

/// A relation that leads to one entity at most: a parent. Ancestors are the parents of parents.
pub struct ToOne<'g, T> {
    draft: &'g mut Draft,
    level: usize,
    model: PhantomData<fn() -> T>,
}

selects!(ToMany);
selects!(ToOne);

impl<T: Model> ToMany<'_, T> {
    /// Orders the rows of each entity above by this text, which stands behind `ORDER BY`. It can name
    /// the parameters of this level. Without this call, rows are in the order of their keys, and linked
    /// rows in the order of the keys of the links.
    pub fn order_by(self, order: impl Into<String>) -> Self {
        self.draft.levels.at_mut(self.level).selection.order = Some(order.into());
        self
    }

    /// Limits the rows of each entity above to the first `rows` in their order; up to 2<sup>31</sup> −
    /// 1.
    pub fn limit(self, rows: u64) -> Self {
        self.draft.levels.at_mut(self.level).selection.limit = Some(rows);
        self
    }
}

impl<T> fmt::Debug for Relations<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relations").field("level", &self.level).finish_non_exhaustive()
    }
}
