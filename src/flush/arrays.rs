//! `ArrayRows`: the rows of a statement as arrays, whatever the number of rows.

use super::array_source::{ColumnArrays, GroupCells, KeyName};
use crate::error::Error;
use crate::model::{QualifiedName, SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql};

/// The rows of a statement, as they stand in its text.
#[derive(Debug, Default)]
pub(crate) struct ArrayRows {
    /// The arrays, of which all have one element for each row.
    arrays: Vec<Array>,
    /// The columns of the rows. An expression names elements by the position of their array.
    columns: Vec<CellExpression>,
    /// The casts of columns that are not one array, by their positions.
    casts: Vec<(usize, QualifiedName)>,
}

impl ArrayRows {
    /// Returns rows with these columns of a group.
    ///
    /// # Errors
    ///
    /// When a value cannot be encoded, and when a key is not known.
    pub(crate) fn new(
        cells: &GroupCells<'_>,
        columns: &[usize],
        params: &mut Params,
    ) -> Result<ArrayRows, Error> {
        let mut rows = ArrayRows::default();
        for &column in columns {
            rows.add(cells.column(column)?, params);
        }
        Ok(rows)
    }

    /// Adds a column of values.
    pub(crate) fn add_array(&mut self, values: ArrayParam, params: &mut Params) {
        self.add(ColumnArrays::Arrays { values: Some(values), keys: Vec::new() }, params);
    }

    /// Adds a column.
    pub(crate) fn add(&mut self, column: ColumnArrays, params: &mut Params) {
        let mut add = |array: Array| {
            self.arrays.push(array);
            self.arrays.len() - 1
        };
        let expression = match column {
            ColumnArrays::Keys(index) => CellExpression::Element(add(Array::Keys(index))),
            ColumnArrays::Slices { elements, first, last } => {
                let elements = params.push_array(elements);
                let first = add(Array::param(params.push_array(first)));
                let last = add(Array::param(params.push_array(last)));
                CellExpression::Slice { elements, first, last }
            }
            ColumnArrays::Arrays { values, keys } => {
                let mut parts = Vec::with_capacity(1);
                if let Some(values) = values {
                    let values = add(Array::param(params.push_array(values)));
                    parts.push(CellExpression::Element(values));
                }
                for (keys, positions) in keys {
                    let position = add(Array::param(params.push_array(positions)));
                    parts.push(CellExpression::KeyAt { keys, position });
                }
                if parts.len() == 1 { parts.remove(0) } else { CellExpression::Either(parts) }
            }
        };
        self.columns.push(expression);
    }

    /// Has [`render_table`](ArrayRows::render_table) cast the column that was added last to the type that a
    /// table's column has of its own, if it has one.
    pub(crate) fn cast_last(&mut self, table: &Table, column: usize) {
        self.cast_at(self.columns.len() - 1, table, column);
    }

    /// The same for the column at a position.
    pub(crate) fn cast_at(&mut self, position: usize, table: &Table, column: usize) {
        let Some(name) = table.cast(column) else { return };
        if let CellExpression::Element(at) = self.columns[position] {
            if let Array::Param { cast, .. } = &mut self.arrays[at] {
                *cast = Some(name);
                return;
            }
        }
        self.casts.push((position, name));
    }

    /// Appends a query that returns the rows; `cast` appends what follows the column at a position.
    ///
    /// ```text
    /// SELECT unnest($1), k0[unnest($2)]
    /// FROM k
    /// ```
    ///
    /// Where the value of a column comes from one of several arrays, elements have names:
    ///
    /// ```text
    /// SELECT c0, COALESCE(c1, k0[c2])
    /// FROM (SELECT *, unnest($1) AS c0, unnest($2) AS c1, unnest($3) AS c2 FROM k) AS r
    /// ```
    ///
    /// In a `SELECT` list, `unnest` gives its elements one by one. In `FROM`, the server would
    /// store all of them first. `deletes_come_before_updates_and_those_before_inserts` pins the first
    /// text.
    pub(crate) fn render(&self, from: &str, sql: &mut Sql, cast: impl Fn(&mut Sql, usize)) {
        // Nor within a cast to a type of one's own, with Citus.
        let is_nested = !self.casts.is_empty()
            || self.columns.iter().any(|column| matches!(column, CellExpression::Either(_)));
        let unnest = |sql: &mut Sql, at: usize| {
            self.arrays[at].render(sql.push("unnest(")).push(")");
        };
        // A set cannot be within COALESCE.
        let element: &dyn Fn(&mut Sql, usize) =
            if is_nested { &render_element_name } else { &unnest };
        sql.push("SELECT ");
        sql.list(self.columns.iter().enumerate(), |sql, (index, column)| {
            column.render(sql, element);
            cast(sql, index);
        });
        if is_nested {
            sql.push(if from.is_empty() { " FROM (SELECT " } else { " FROM (SELECT *, " });
            self.render_named_elements(sql);
            sql.push(from).push(") AS r");
        } else {
            sql.push(from);
        }
    }

    /// Appends the rows as a table `r` with the columns `v0`, `v1`, ….
    ///
    /// ```text
    /// (SELECT unnest($1) AS v0, unnest($2::mood[]) AS v1 FROM k) AS r
    /// ```
    ///
    /// Citus takes no cast of columns that depends on the session, such as one to an enum.
    ///
    /// `an_update_of_one_column` pins the text.
    pub(crate) fn render_table(&self, from: &str, sql: &mut Sql) {
        sql.push("(");
        self.render(from, sql, |sql, index| {
            if let Some((_, name)) = self.casts.iter().find(|(of, _)| *of == index) {
                sql.push("::").qualified(*name);
            }
            sql.push(" AS v").number(index);
        });
        sql.push(") AS r");
    }

    /// Appends the values of a column as one array, in the order of some columns.
    ///
    /// ```text
    /// ARRAY(SELECT c0
    ///       FROM (SELECT unnest($1) AS c0, unnest($2) AS c1) AS r
    ///       ORDER BY c0, c1 COLLATE "C")
    /// ```
    pub(crate) fn render_sorted(&self, column: usize, by: &[SortedColumn], sql: &mut Sql) {
        self.columns[column].render(sql.push("ARRAY(SELECT "), &render_element_name);
        self.render_named_elements(sql.push(" FROM (SELECT "));
        sql.push(") AS r ORDER BY ").list(by, |sql, sorted| {
            self.columns[sorted.column].render(sql, &render_element_name);
            sql.push(sorted.collation());
        });
        sql.push(")");
    }

    /// Appends a query of some columns of the rows.
    ///
    /// ```text
    /// SELECT c0, k0[c1] COLLATE "C" FROM (SELECT *, unnest($1) AS c0, unnest($2) AS c1 FROM k) AS r
    /// ```
    pub(crate) fn render_columns(&self, columns: &[SortedColumn], from: &str, sql: &mut Sql) {
        sql.push("SELECT ").list(columns, |sql, sorted| {
            self.columns[sorted.column].render(sql, &render_element_name);
            sql.push(sorted.collation());
        });
        self.render_named_elements(sql.push(" FROM (SELECT *, "));
        sql.push(from).push(") AS r");
    }

    /// Returns the position among the statement's arrays of keys, if the column is one of them.
    pub(crate) fn keys(&self, column: usize) -> Option<KeyName> {
        match self.columns[column] {
            CellExpression::Element(at) => match self.arrays[at] {
                Array::Keys(index) => Some(index),
                Array::Param { .. } => None,
            },
            _ => None,
        }
    }

    /// Appends the array of a column, if the column is one array as it is.
    pub(crate) fn render_array(&self, column: usize, sql: &mut Sql) -> bool {
        match self.columns[column] {
            CellExpression::Element(at) => {
                self.arrays[at].render(sql);
                true
            }
            _ => false,
        }
    }

    /// Appends the elements of all arrays, with the names that [`render_element_name`] gives them.
    ///
    /// ```text
    /// unnest($1) AS c0, unnest(k0) AS c1
    /// ```
    fn render_named_elements(&self, sql: &mut Sql) {
        sql.list(self.arrays.iter().enumerate(), |sql, (at, array)| {
            array.render(sql.push("unnest(")).push(") AS ");
            render_element_name(sql, at);
        });
    }
}

/// A column by which rows are ordered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SortedColumn {
    /// The position among the columns of the rows.
    pub(crate) column: usize,
    /// The values are texts, whose order is a matter of rules.
    pub(crate) is_text: bool,
}

impl SortedColumn {
    /// Returns the column of a table, which is at this position among the columns of the rows.
    pub(crate) fn of(table: &Table, column: usize, at: usize) -> SortedColumn {
        SortedColumn { column: at, is_text: table.columns()[column].ty() == SqlType::TEXT }
    }

    /// Appends the parts of a key that a statement returns first, as what rows are ordered by.
    ///
    /// ```text
    /// r0, r1 COLLATE "C"
    /// ```
    pub(crate) fn render_returned_key(table: &Table, sql: &mut Sql) {
        sql.list(table.key().iter().enumerate(), |sql, (part, &column)| {
            sql.push("r").number(part).push(SortedColumn::of(table, column, part).collation());
        });
    }

    /// Returns the text that follows the column. Texts are ordered by their bytes, for columns can have
    /// other rules than constants.
    pub(crate) fn collation(&self) -> &'static str {
        if self.is_text { " COLLATE \"C\"" } else { "" }
    }
}

/// An array, by what it is called in the text.
#[derive(Debug, Clone, Copy)]
enum Array {
    /// The parameter of this number, and the type of one's own that its elements are cast to.
    Param { number: usize, cast: Option<QualifiedName> },
    /// The statement's array of keys at this position.
    Keys(KeyName),
}

impl Array {
    /// Returns the array of a parameter, as it is.
    fn param(number: usize) -> Array {
        Array::Param { number, cast: None }
    }

    /// Appends the array's name: `$1`, `$1::mood[]`, or `k0`.
    fn render(self, sql: &mut Sql) -> &mut Sql {
        match self {
            Array::Param { number, cast } => {
                sql.param(number);
                match cast {
                    Some(name) => sql.push("::").qualified(name).push("[]"),
                    None => sql,
                }
            }
            Array::Keys(name) => name.render(sql),
        }
    }
}

/// An expression of SQL for a cell, made of the elements of arrays. It names an element by the
/// position of its array.
#[derive(Debug)]
enum CellExpression {
    /// The element itself.
    Element(usize),
    /// A key of the statement's array `keys`; an element is the position in it.
    KeyAt { keys: KeyName, position: usize },
    /// A part of the array that is the parameter `elements`; two elements are the positions of the
    /// first and the last.
    Slice { elements: usize, first: usize, last: usize },
    /// The first of several that is not NULL.
    Either(Vec<CellExpression>),
}

impl CellExpression {
    /// Appends the expression; `element` appends the element of an array.
    ///
    /// ```text
    /// c0
    /// k0[c1]
    /// ($1)[c2:c3]
    /// COALESCE(c0, k0[c1])
    /// ```
    fn render(&self, sql: &mut Sql, element: &dyn Fn(&mut Sql, usize)) {
        match self {
            CellExpression::Element(at) => element(sql, *at),
            CellExpression::KeyAt { keys, position } => {
                element(keys.render(sql).push("["), *position);
                sql.push("]");
            }
            CellExpression::Slice { elements, first, last } => {
                element(sql.push("(").param(*elements).push(")["), *first);
                element(sql.push(":"), *last);
                sql.push("]");
            }
            CellExpression::Either(expressions) => {
                sql.push("COALESCE(").list(expressions, |sql, each| each.render(sql, element));
                sql.push(")");
            }
        }
    }
}

/// Appends the name of an array's element, such as `c0`, where elements are columns of a table.
fn render_element_name(sql: &mut Sql, at: usize) {
    sql.push("c").number(at);
}
