//! The second stage: what the attributes mean together, and what is wrong with them.

use std::collections::HashMap;

use proc_macro2::{Ident, Span, TokenStream};
use syn::LitStr;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::errors::Errors;
use crate::parse::{Arguments, Input, InputField, Item};
use crate::settings::{QualifiedName, Settings, checked};

/// The most columns that a PostgreSQL table can have.
const MAX_COLUMNS: usize = 1600;
/// The most columns that a key can have, as `onetrip::Key` limits it.
const MAX_KEY_COLUMNS: usize = 8;

/// The attributes that a struct can have.
const ON_STRUCT: &[&str] = &["table", "schema"];
/// The attributes that a field can have.
const ON_FIELD: &[&str] =
    &["key", "column", "sequence", "default", "version", "generated", "sql_type", "unique", "skip"];
/// The attributes that say who writes the column.
const ROLES: &[&str] = &["key", "sequence", "default", "version", "generated"];

/// A model whose attributes are in order.
pub(crate) struct Model {
    pub(crate) ident: Ident,
    pub(crate) table: LitStr,
    pub(crate) schema: Option<LitStr>,
    /// The columns of the table, in the order in which fields name them first.
    pub(crate) columns: Vec<Column>,
    /// All fields of the struct, in their order.
    pub(crate) fields: Vec<Field>,
}

impl Model {
    /// Returns where the compiler reports what concerns the struct as a whole.
    pub(crate) fn span(&self) -> Span {
        self.ident.span().resolved_at(Span::call_site())
    }

    /// Returns the fields that stand for columns.
    pub(crate) fn column_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !matches!(field.role, Role::Skipped))
    }

    /// Returns the natural keys in the order of their first fields: their names, and the positions
    /// of their columns.
    pub(crate) fn natural_keys(&self) -> Vec<(String, Vec<usize>)> {
        let mut keys: Vec<(String, Vec<usize>)> = Vec::new();
        for field in &self.fields {
            for name in field.natural_keys.iter().map(LitStr::value) {
                let new = field.columns.iter().copied();
                match keys.iter_mut().find(|(other, _)| *other == name) {
                    Some((_, columns)) => {
                        let new: Vec<_> = new.filter(|column| !columns.contains(column)).collect();
                        columns.extend(new);
                    }
                    None => keys.push((name, new.collect())),
                }
            }
        }
        keys
    }

    /// Returns the columns of the key, each once, in the order of its fields.
    pub(crate) fn key_columns(&self) -> Vec<usize> {
        let mut columns = Vec::new();
        for &column in self.key_fields().flat_map(|field| &field.columns) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    }

    /// Returns the fields of the key.
    pub(crate) fn key_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| matches!(field.role, Role::Key(_)))
    }
}

/// A column of the table, and the fields that it comes from.
pub(crate) struct Column {
    pub(crate) name: LitStr,
    pub(crate) sql_type: Option<QualifiedName>,
    /// The fields, in the order of the struct. There is at least one.
    pub(crate) sources: Vec<Source>,
}

/// One column of one field.
pub(crate) struct Source {
    /// The position in the model's fields.
    pub(crate) field: usize,
    /// The position among the columns of the field.
    pub(crate) part: usize,
}

/// A field of the struct.
pub(crate) struct Field {
    /// The position among the fields of the struct.
    pub(crate) position: usize,
    pub(crate) ident: Ident,
    pub(crate) ty: TokenStream,
    pub(crate) role: Role,
    /// Positions in the model's columns. A field that is skipped has no columns.
    pub(crate) columns: Vec<usize>,
    /// The natural keys that it is part of, by their names, which are empty for the one without.
    pub(crate) natural_keys: Vec<LitStr>,
}

impl Field {
    /// Returns where the compiler reports what concerns the field: at its type, but as code of the
    /// derive. Lints would otherwise blame the user for it.
    pub(crate) fn span(&self) -> Span {
        self.ty.span().resolved_at(Span::call_site())
    }
}

pub(crate) enum Role {
    Plain,
    /// A column with a server default.
    Default,
    /// A column that the database alone writes.
    Generated,
    /// The column that holds the row's version.
    Version,
    /// A part of the key, and what assigns it apart from the column's own sequence.
    Key(Option<Assigned>),
    Skipped,
}

pub(crate) enum Assigned {
    Sequence(QualifiedName),
    Expression(LitStr),
}

/// Finds the meaning of the attributes. The result is of use only if there are no errors.
pub(crate) fn check(input: Input, errors: &mut Errors) -> Model {
    let settings = Settings::new(&input.attributes, "a model", ON_STRUCT, errors);
    let table = settings.name("table", errors);
    let schema = settings.name("schema", errors);
    if settings.get("table").is_none() {
        errors.at(&input.ident, "a model needs a table: `#[model(table = \"…\")]`");
    }
    let table = table.unwrap_or_else(|| LitStr::new("", input.ident.span()));
    let mut columns = Columns::default();
    let mut fields = Vec::new();
    for (position, field) in input.fields.into_iter().enumerate() {
        fields.push(check_field(position, field, &mut columns, errors));
    }
    let model = Model { ident: input.ident, table, schema, columns: columns.list, fields };
    check_key(&model, errors);
    check_version(&model, errors);
    check_shared(&model, errors);
    if let Some(column) = model.columns.get(MAX_COLUMNS) {
        errors.at(&column.name, "a table has at most 1600 columns, and this is one more");
    }
    model
}

fn check_field(
    position: usize,
    field: InputField,
    columns: &mut Columns,
    errors: &mut Errors,
) -> Field {
    let settings = Settings::new(&field.attributes, "a field", ON_FIELD, errors);
    let role = role(&settings, errors);
    let columns = match role {
        Role::Skipped => Vec::new(),
        Role::Plain | Role::Default | Role::Generated | Role::Version | Role::Key(_) => {
            let names = column_names(&field.ident, &settings, errors);
            let sql_type = sql_type(&settings, names.len(), errors);
            let sources = names.iter().enumerate().map(|(part, name)| {
                columns.add(name, sql_type.as_ref(), Source { field: position, part }, errors)
            });
            sources.collect()
        }
    };
    let natural_keys = natural_keys(&settings, &role, errors);
    Field { position, ident: field.ident, ty: field.ty, role, columns, natural_keys }
}

/// Returns the names in `unique`, `unique = "…"` or `unique("…", …)`.
fn natural_keys(settings: &Settings<'_>, role: &Role, errors: &mut Errors) -> Vec<LitStr> {
    let Some(item) = settings.get("unique") else { return Vec::new() };
    if matches!(role, Role::Default | Role::Generated | Role::Version) {
        let message = "a natural key is what the application gives: the database, which writes this \
                       column, cannot find a row by it";
        errors.at(&item.meta, message);
    }
    match item.arguments {
        Arguments::None => vec![LitStr::new("", Span::call_site())],
        Arguments::Invalid => Vec::new(),
        Arguments::Value(_) | Arguments::List(_) => settings.names("unique", errors),
    }
}

fn role(settings: &Settings<'_>, errors: &mut Errors) -> Role {
    if settings.flag("skip", errors) {
        for item in settings.others("skip") {
            let message = "a skipped field is not a column, and takes no other attribute";
            errors.at(&item.meta, message);
        }
        return Role::Skipped;
    }
    for (name, what, role) in [
        ("generated", "a column that the database alone writes", Role::Generated),
        ("version", "a column that holds the version", Role::Version),
    ] {
        if settings.flag(name, errors) {
            for item in settings.others(name).filter(|item| ROLES.contains(&item.name.as_str())) {
                errors.at(&item.meta, format!("{what} takes no `{}`", item.name));
            }
            // What was meant as the key is not missed as well.
            return if settings.get("key").is_some() { Role::Key(None) } else { role };
        }
    }
    let key = settings.flag("key", errors);
    let sequence = settings.get("sequence");
    let default = settings.get("default");
    if key {
        if let (Some(_), Some(default)) = (sequence, default) {
            let message = "a key is assigned by a sequence or by an expression, not by both";
            errors.at(&default.meta, message);
        }
        let by_sequence = settings.qualified("sequence", errors).map(Assigned::Sequence);
        let by_expression = default.and_then(|item| expression(item, errors));
        return Role::Key(by_sequence.or(by_expression.map(Assigned::Expression)));
    }
    if let Some(item) = sequence {
        let message = "only a key is assigned by a sequence: \
                       for another column, write `default` and have the sequence in the table";
        errors.at(&item.meta, message);
    }
    match default {
        Some(item) => {
            match item.arguments {
                Arguments::None | Arguments::Invalid => {}
                Arguments::Value(_) | Arguments::List(_) => {
                    let message = "write `default` alone: the table's own default is used";
                    errors.at(&item.meta, message);
                }
            }
            Role::Default
        }
        None => Role::Plain,
    }
}

/// Returns the expression that assigns a key, in `default = "…"`.
fn expression(item: &Item, errors: &mut Errors) -> Option<LitStr> {
    match &item.arguments {
        Arguments::Value(value) => {
            let text = value.value();
            if text.trim().is_empty() || text.contains('\0') {
                errors.at(value, "this is not an SQL expression");
            }
            Some(value.clone())
        }
        Arguments::Invalid => None,
        Arguments::None | Arguments::List(_) => {
            let message = "a key that is left to the database needs no `default`; where it is not \
                           a sequence that assigns it, give the expression, \
                           such as `default = \"gen_random_uuid()\"`";
            errors.at(&item.meta, message);
            None
        }
    }
}

fn column_names(ident: &Ident, settings: &Settings<'_>, errors: &mut Errors) -> Vec<LitStr> {
    let names = settings.names("column", errors);
    if names.is_empty() {
        let name = LitStr::new(&ident.unraw().to_string(), ident.span());
        let given = settings.get("column").is_some();
        return vec![if given { name } else { checked(&name, errors) }];
    }
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|other| other.value() == name.value()) {
            errors.at(name, "the field already has this column");
        }
    }
    names
}

fn sql_type(settings: &Settings<'_>, columns: usize, errors: &mut Errors) -> Option<QualifiedName> {
    let item = settings.get("sql_type")?;
    let sql_type = settings.qualified("sql_type", errors)?;
    // In a schema of the user's, it is a name and nothing else.
    let is_clear = sql_type.schema.as_ref().is_some_and(|schema| schema.value() != "pg_catalog");
    if !is_clear && sql_type.name.value().contains([' ', '(', '[']) {
        let message = "give the name that the catalog `pg_type` has, without a type modifier: \
                       `float8`, not `double precision`; `varchar`, not `varchar(3)`; \
                       `_mood`, not `mood[]`";
        errors.at(&sql_type.name, message);
    }
    if columns > 1 {
        let message = "`sql_type` is for a field of one column: the columns of a composite \
                       foreign key have the types of the key that it refers to";
        errors.at(&item.meta, message);
    }
    Some(sql_type)
}

/// The columns of the fields so far.
#[derive(Default)]
struct Columns {
    list: Vec<Column>,
    positions: HashMap<String, usize>,
}

impl Columns {
    /// Adds a column, or adds a source to the column that has this name already. Returns the
    /// position of the column.
    fn add(
        &mut self,
        name: &LitStr,
        sql_type: Option<&QualifiedName>,
        source: Source,
        errors: &mut Errors,
    ) -> usize {
        let next = self.list.len();
        let position = *self.positions.entry(name.value()).or_insert(next);
        if position == next {
            let name = name.clone();
            self.list.push(Column { name, sql_type: None, sources: Vec::new() });
        }
        let column = &mut self.list[position];
        column.sources.push(source);
        match (&column.sql_type, sql_type) {
            (Some(one), Some(other)) if !one.same(other) => {
                errors.at(&other.name, "another field gives the same column another type");
            }
            (None, Some(sql_type)) => column.sql_type = Some(sql_type.clone()),
            _ => {}
        }
        position
    }
}

fn check_key(model: &Model, errors: &mut Errors) {
    let columns = model.key_columns();
    let beyond = columns.get(MAX_KEY_COLUMNS);
    let is_beyond = |field: &&Field| beyond.is_some_and(|column| field.columns.contains(column));
    if let Some(field) = model.key_fields().find(is_beyond) {
        errors.at(&field.ident, "a key has at most 8 columns, and here it gets more");
    }
    if columns.is_empty() {
        errors.at(&model.ident, "a model needs a key: mark its fields with `#[model(key)]`");
    }
}

fn check_version(model: &Model, errors: &mut Errors) {
    let mut versions = model.fields.iter().filter(|field| matches!(field.role, Role::Version));
    let Some(first) = versions.next() else { return };
    for field in versions {
        let message = format!("a model has one version, and it is `{}` already", first.ident);
        errors.at(&field.ident, message);
    }
}

/// Reports columns that several fields share and that they cannot all write.
fn check_shared(model: &Model, errors: &mut Errors) {
    for column in model.columns.iter().filter(|column| column.sources.len() > 1) {
        for source in &column.sources {
            let field = &model.fields[source.field];
            let what = match field.role {
                Role::Generated => "a column that the database alone writes",
                Role::Version => "a column that holds the version",
                Role::Plain | Role::Default | Role::Key(_) | Role::Skipped => continue,
            };
            let name = column.name.value();
            let message = format!("{what} is not shared, and another field has `{name}` too");
            errors.at(&field.ident, message);
        }
    }
}
