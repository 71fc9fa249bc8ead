//! Twelve tables, each of which refers to the one before.

use onetrip::{ForeignKey, Handle, Model, UnitOfWork};

const TABLES: usize = 12;

pub(crate) fn tables() -> String {
    (0..TABLES)
        .map(|table| {
            let parent = table.checked_sub(1).map_or_else(
                || "parent int".to_owned(),
                |parent| format!("parent int REFERENCES t{parent}"),
            );
            format!("CREATE TABLE t{table} (id serial PRIMARY KEY, label text NOT NULL, {parent});")
        })
        .collect()
}

macro_rules! models {
    ($($model:ident $table:literal after $parent:ident;)*) => {
        $(
            #[derive(Model, Clone)]
            #[model(table = $table)]
            struct $model {
                #[model(key)]
                id: Option<i32>,
                label: String,
                parent: Option<ForeignKey<$parent>>,
            }

            impl Row for $model {
                type Parent = $parent;

                fn new(label: String, parent: Option<Handle<$parent>>) -> $model {
                    $model { id: None, label, parent: parent.map(ForeignKey::from) }
                }
            }
        )*
    };
}

trait Row: Model {
    type Parent: Model;

    fn new(label: String, parent: Option<Handle<Self::Parent>>) -> Self;
}

models! {
    T0 "t0" after T0;
    T1 "t1" after T0;
    T2 "t2" after T1;
    T3 "t3" after T2;
    T4 "t4" after T3;
    T5 "t5" after T4;
    T6 "t6" after T5;
    T7 "t7" after T6;
    T8 "t8" after T7;
    T9 "t9" after T8;
    T10 "t10" after T9;
    T11 "t11" after T10;
}

/// Adds so many rows to the first so many tables, each with a parent in the table before.
pub(crate) fn add(uow: &mut UnitOfWork<'_>, tables: usize, rows: usize) {
    let per_table = rows.div_ceil(tables);
    let t0: Vec<Handle<T0>> = level(uow, &[], per_table);
    let t1: Vec<Handle<T1>> = level(uow, &t0, per_table);
    if tables == 2 {
        return;
    }
    let t2: Vec<Handle<T2>> = level(uow, &t1, per_table);
    let t3: Vec<Handle<T3>> = level(uow, &t2, per_table);
    let t4: Vec<Handle<T4>> = level(uow, &t3, per_table);
    let t5: Vec<Handle<T5>> = level(uow, &t4, per_table);
    let t6: Vec<Handle<T6>> = level(uow, &t5, per_table);
    let t7: Vec<Handle<T7>> = level(uow, &t6, per_table);
    let t8: Vec<Handle<T8>> = level(uow, &t7, per_table);
    let t9: Vec<Handle<T9>> = level(uow, &t8, per_table);
    let t10: Vec<Handle<T10>> = level(uow, &t9, per_table);
    let _: Vec<Handle<T11>> = level(uow, &t10, per_table);
}

fn level<T: Row>(
    uow: &mut UnitOfWork<'_>,
    parents: &[Handle<T::Parent>],
    rows: usize,
) -> Vec<Handle<T>> {
    let row =
        |at: usize| T::new(format!("row {at}"), parents.get(at % parents.len().max(1)).copied());
    (0..rows).map(|at| uow.add(row(at))).collect()
}
