//! The derive macro of [`onetrip`](https://docs.rs/onetrip), which re-exports it.
//!
//! Three stages, each a file: `parse` reads the attributes as plain syntax, `check` finds out what
//! they mean together and reports every mistake in them, and `expand` writes the implementation.
//! What only the types can tell (whether the database assigns a key, how many columns a foreign
//! key has) is left to the compiler: `roles` has the traits, `assertions` the constants.

mod assertions;
mod check;
mod errors;
mod expand;
mod parse;
mod roles;
mod settings;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::errors::Errors;

/// Implements `Model` for a struct with named fields.
///
/// The book's chapter on models shows it at work. A struct needs `table` and at least one field
/// with `key`, and it has to be `Clone`. Attributes can stand in one `#[model(...)]` or in several.
///
/// # On the struct
///
/// | attribute | meaning |
/// |---|---|
/// | `table = "name"` | The table's name. Required. It is taken literally: capitals count, and a dot is part of the name. |
/// | `schema = "name"` | The table's schema. Without it, the search path finds the table. |
///
/// # On a field
///
/// A field without any of these is a column that has the field's name.
///
/// | attribute | meaning |
/// |---|---|
/// | `key` | The field is part of the key; several such fields are a composite key, in their order. The database assigns a field that is an `Option` and `None`: by the sequence that its column owns, unless the next two say otherwise. |
/// | `sequence = "name"`, `sequence("schema", "name")` | With `key`: the sequence that assigns it. Without a schema, it is in that of the table. |
/// | `default = "expression"` | With `key`: the SQL expression that assigns it, such as `gen_random_uuid()`. |
/// | `default` | Without `key`: the column has a server default. The field is an `Option`, whose `None` takes the default, which is then read back. `Option<Option<T>>` can also write NULL. |
/// | `generated` | The database alone writes the column: it is generated, or a trigger sets it. The field is an `Option`, whose value is read back and never written, `Some` or not. |
/// | `version` | The column holds the row's version, for optimistic concurrency. The field is an `i16`, `i32` or `i64`; a model has at most one. |
/// | `column = "name"` | The column's name, where it is not that of the field. |
/// | `column("a", "b")` | The columns of a foreign key to a composite key, in the order of that key. |
/// | `sql_type = "name"`, `sql_type("schema", "name")` | The column's type, where it is not a built-in one: an enum, a domain, `citext`. Values are cast to it. |
/// | `unique` | The field is part of the natural key, by which `find_or_add`, `upsert` and `find_by` find rows; several such fields are one key, in their order. The table needs a unique index of exactly its columns. |
/// | `unique = "name"`, `unique("a", "b")` | The same where a model has several natural keys: the field is part of those of these names. |
/// | `skip` | The field is not a column: `Default` fills it when a row is read. |
///
/// Fields can share a column, by naming the same one: a `tenant_id` that is part of the key and of
/// a foreign key, for example. The fields that have a value for it must then agree.
#[proc_macro_derive(Model, attributes(model))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    model(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn model(input: &DeriveInput) -> syn::Result<proc_macro2::TokenStream> {
    let mut errors = Errors::default();
    let parsed = parse::parse(input, &mut errors);
    let model = parsed.map(|parsed| check::check(parsed, &mut errors));
    errors.finish()?;
    Ok(model.map(|model| expand::expand(&model)).unwrap_or_default())
}
