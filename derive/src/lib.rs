//! The derive macros of [`onetrip`](https://docs.rs/onetrip), which re-exports them.
//!
//! Three stages, each a file: `parse` reads the attributes as plain syntax, `check` finds out what
//! they mean together and reports every mistake in them, and `expand` writes the implementation.
//! What only the types can tell (whether the database assigns a key, how many columns a foreign
//! key has) is left to the compiler: `roles` has the traits, `assertions` the constants. `Value` has three
//! stages of its own.

mod assertions;
mod check;
mod errors;
mod expand;
mod parse;
mod roles;
mod settings;
#[cfg(test)]
mod tests;
mod value_check;
mod value_expand;
mod value_parse;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::errors::Errors;

/// Implements `Model` for a struct with named fields.
///
/// The book's chapter on models shows the macro at work. A struct needs `table` and at least one field
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
/// Fields that name the same column share this column, for example a `tenant_id` that is part of the
/// key and of a foreign key. The fields that have a value for the column must then agree.
#[proc_macro_derive(Model, attributes(model))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    model(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `Value`, so that an enum or a newtype can be a column.
///
/// An enum is sent as text, as the label of its variant. Its variants have no fields. For a column of
/// an enum type of the database, name this type with `#[model(sql_type = "…")]`. A `text` column needs
/// no `sql_type`. If a label is read that the enum does not have, the error names the type and not the
/// label.
///
/// ```ignore
/// use onetrip::Value;
///
/// #[derive(Value, Debug, Clone, Copy, PartialEq)]
/// #[value(rename_all = "snake_case")]
/// enum Status {
///     Open,
///     OnHold, // on_hold
///     #[value(rename = "done!")]
///     Done,
/// }
/// assert_eq!(Status::decode(b"on_hold").unwrap(), Status::OnHold);
/// ```
///
/// A newtype is a struct of one field, whose type is a `Value`. It is sent as this field.
///
/// ```ignore
/// use onetrip::{ForeignKey, Model, Value};
///
/// #[derive(Value, Debug, Clone, Copy, PartialEq, Eq, Hash)]
/// #[value(key)]
/// struct UserId(i64);
///
/// #[derive(Model, Clone)]
/// #[model(table = "users")]
/// struct User {
///     #[model(key)]
///     id: Option<UserId>,
///     invited_by: Option<ForeignKey<User>>,
/// }
///
/// let by: ForeignKey<User> = UserId(7).into();
/// ```
///
/// # On the enum or struct
///
/// | attribute | meaning |
/// |---|---|
/// | `key` | The type can be a key: implements `KeyValue`, and `From` for a `ForeignKey` to a model that has this key. The type has to be `Clone`, `Eq`, `Hash`, `Debug`, `Send` and `Sync`. |
/// | `rename_all = "rule"` | Of an enum: how the names of variants become labels. Without it, the label is the name. The rules are `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case` and `SCREAMING-KEBAB-CASE`. |
///
/// # On a variant
///
/// | attribute | meaning |
/// |---|---|
/// | `rename = "label"` | The label of this variant, whatever `rename_all` says. |
#[proc_macro_derive(Value, attributes(value))]
pub fn derive_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    value(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn value(input: &DeriveInput) -> syn::Result<proc_macro2::TokenStream> {
    let mut errors = Errors::default();
    let parsed = value_parse::parse(input, &mut errors);
    let value = parsed.map(|parsed| value_check::check(parsed, &mut errors));
    errors.finish()?;
    Ok(value.map(|value| value_expand::expand(&value)).unwrap_or_default())
}

fn model(input: &DeriveInput) -> syn::Result<proc_macro2::TokenStream> {
    let mut errors = Errors::default();
    let parsed = parse::parse(input, &mut errors);
    let model = parsed.map(|parsed| check::check(parsed, &mut errors));
    errors.finish()?;
    Ok(model.map(|model| expand::expand(&model)).unwrap_or_default())
}
