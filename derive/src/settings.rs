//! `Settings`: the attributes of one struct or field, each by its name and in its form.

use syn::LitStr;

use crate::errors::Errors;
use crate::parse::{Arguments, Item};

/// The longest name that PostgreSQL keeps whole, in bytes.
const MAX_NAME: usize = 63;

/// The attributes of one struct or field.
pub(crate) struct Settings<'a> {
    /// One item of each name, in the order of the source.
    items: Vec<&'a Item>,
}

impl<'a> Settings<'a> {
    /// Keeps the first item of each name. `known` has the names that are allowed on `what`.
    pub(crate) fn new(
        items: &'a [Item],
        what: &str,
        known: &[&str],
        errors: &mut Errors,
    ) -> Settings<'a> {
        let mut settings = Settings { items: Vec::new() };
        for item in items {
            let name = &item.name;
            if !known.contains(&name.as_str()) {
                let (last, rest) = known.split_last().expect("there are some");
                let known = match rest {
                    [] => format!("`{last}`"),
                    _ => format!("`{}` and `{last}`", rest.join("`, `")),
                };
                let message = format!("unknown attribute `{name}`: {what} has {known}");
                errors.at(item.meta.path(), message);
            } else if settings.get(name).is_some() {
                errors.at(&item.meta, format!("duplicate attribute `{name}`"));
            } else {
                settings.items.push(item);
            }
        }
        settings
    }

    /// Returns the item with this name, if there is one.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Item> {
        self.items.iter().copied().find(|item| item.name == name)
    }

    /// Returns the items with other names than this.
    pub(crate) fn others(&self, name: &str) -> impl Iterator<Item = &'a Item> {
        self.items.iter().copied().filter(move |item| item.name != name)
    }

    /// Returns `true` if there is an item in the form `name`.
    pub(crate) fn flag(&self, name: &str, errors: &mut Errors) -> bool {
        let Some(item) = self.get(name) else { return false };
        match item.arguments {
            Arguments::None | Arguments::Invalid => {}
            Arguments::Value(_) | Arguments::List(_) => {
                errors.at(&item.meta, format!("`{name}` takes no value"));
            }
        }
        true
    }

    /// Returns the name in `name = "…"`.
    pub(crate) fn name(&self, name: &str, errors: &mut Errors) -> Option<LitStr> {
        let item = self.get(name)?;
        match &item.arguments {
            Arguments::Value(value) => Some(checked(value, errors)),
            Arguments::Invalid => None,
            Arguments::None | Arguments::List(_) => {
                errors.at(&item.meta, format!("`{name}` takes a name: `{name} = \"…\"`"));
                None
            }
        }
    }

    /// Returns the name in `name = "…"` or `name("…", "…")`.
    pub(crate) fn qualified(&self, name: &str, errors: &mut Errors) -> Option<QualifiedName> {
        let item = self.get(name)?;
        match &item.arguments {
            Arguments::Value(value) => {
                Some(QualifiedName { schema: None, name: checked(value, errors) })
            }
            Arguments::List(values) if values.len() == 2 => {
                let schema = Some(checked(&values[0], errors));
                Some(QualifiedName { schema, name: checked(&values[1], errors) })
            }
            Arguments::Invalid => None,
            Arguments::None | Arguments::List(_) => {
                let forms = format!("`{name} = \"name\"` or `{name}(\"schema\", \"name\")`");
                errors.at(&item.meta, format!("`{name}` takes a name: {forms}"));
                None
            }
        }
    }

    /// Returns the names in `name = "…"` or `name("…", …)`, or no names if there is no such item.
    pub(crate) fn names(&self, name: &str, errors: &mut Errors) -> Vec<LitStr> {
        let Some(item) = self.get(name) else { return Vec::new() };
        match &item.arguments {
            Arguments::Value(value) => vec![checked(value, errors)],
            Arguments::List(values) if !values.is_empty() => {
                values.iter().map(|value| checked(value, errors)).collect()
            }
            Arguments::Invalid => Vec::new(),
            Arguments::None | Arguments::List(_) => {
                let forms = format!("`{name} = \"a\"` or `{name}(\"a\", \"b\")`");
                errors.at(&item.meta, format!("`{name}` takes a name, or several: {forms}"));
                Vec::new()
            }
        }
    }
}

/// A name in a schema, if one is given.
#[derive(Clone)]
pub(crate) struct QualifiedName {
    pub(crate) schema: Option<LitStr>,
    pub(crate) name: LitStr,
}

impl QualifiedName {
    pub(crate) fn same(&self, other: &QualifiedName) -> bool {
        self.name.value() == other.name.value()
            && self.schema.as_ref().map(LitStr::value) == other.schema.as_ref().map(LitStr::value)
    }
}

/// Returns the name, and reports it if PostgreSQL cannot have it.
pub(crate) fn checked(name: &LitStr, errors: &mut Errors) -> LitStr {
    let value = name.value();
    let complaint = if value.is_empty() {
        "a name cannot be empty"
    } else if value.contains('\0') {
        "a name cannot contain NUL"
    } else if value.len() > MAX_NAME {
        "PostgreSQL cuts names after 63 bytes, and this one is longer"
    } else {
        return name.clone();
    };
    errors.at(name, complaint);
    name.clone()
}
