//! The second stage of `Value`: what the attributes mean, and what is wrong with them.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::{Fields, Member};

use crate::errors::Errors;
use crate::parse::Arguments;
use crate::settings::Settings;
use crate::value_parse::{Input, InputVariant, Shape};

/// The attributes that an enum can have.
const ON_ENUM: &[&str] = &["key", "rename_all"];
/// The attributes that a newtype can have.
const ON_NEWTYPE: &[&str] = &["key"];
/// The attributes that a variant can have.
const ON_VARIANT: &[&str] = &["rename"];

/// A value whose attributes are in order.
pub(crate) struct Value {
    pub(crate) ident: Ident,
    pub(crate) is_key: bool,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    /// The variants and their labels.
    Enum(Vec<(Ident, String)>),
    Newtype {
        member: Member,
        ty: TokenStream,
    },
}

/// Finds the meaning of the attributes. The result is of use only if there are no errors.
pub(crate) fn check(input: Input, errors: &mut Errors) -> Value {
    let (what, known) = match &input.shape {
        Shape::Enum(_) => ("an enum", ON_ENUM),
        Shape::Newtype { .. } => ("a newtype", ON_NEWTYPE),
    };
    let settings = Settings::new(&input.attributes, what, known, errors);
    let is_key = settings.flag("key", errors);
    let kind = match input.shape {
        Shape::Enum(variants) => {
            if variants.is_empty() {
                errors.at(&input.ident, "an enum without variants has no values");
            }
            let rule = rule(&settings, errors);
            Kind::Enum(labels(variants, rule, errors))
        }
        Shape::Newtype { member, ty } => Kind::Newtype { member, ty },
    };
    Value { ident: input.ident, is_key, kind }
}

fn labels(
    variants: Vec<InputVariant>,
    rule: fn(&str) -> String,
    errors: &mut Errors,
) -> Vec<(Ident, String)> {
    let mut known = HashSet::new();
    let mut labels = Vec::new();
    for InputVariant { ident, attributes, fields } in variants {
        if !matches!(fields, Fields::Unit) {
            errors.at(&fields, "a variant of a value has no fields: the value is its label");
        }
        let settings = Settings::new(&attributes, "a variant", ON_VARIANT, errors);
        let label = label(&settings, errors).unwrap_or_else(|| rule(&ident.unraw().to_string()));
        if !known.insert(label.clone()) {
            errors.at(&ident, format!("another variant has the label `{label}` already"));
        }
        labels.push((ident, label));
    }
    labels
}

/// Returns the label in `rename = "…"`.
fn label(settings: &Settings<'_>, errors: &mut Errors) -> Option<String> {
    let item = settings.get("rename")?;
    match &item.arguments {
        Arguments::Value(label) => {
            if label.value().contains('\0') {
                errors.at(label, "a label cannot contain NUL");
            }
            Some(label.value())
        }
        Arguments::Invalid => None,
        Arguments::None | Arguments::List(_) => {
            errors.at(&item.meta, "`rename` takes a label: `rename = \"…\"`");
            None
        }
    }
}

/// A rule of `rename_all`: its name, which is an example of itself, and what it makes of the name of a
/// variant.
type Rule = (&'static str, fn(&str) -> String);

const RULES: &[Rule] = &[
    ("lowercase", |name| name.to_lowercase()),
    ("UPPERCASE", |name| name.to_uppercase()),
    ("PascalCase", str::to_owned),
    ("camelCase", camel),
    ("snake_case", |name| separated(name, '_')),
    ("SCREAMING_SNAKE_CASE", |name| separated(name, '_').to_uppercase()),
    ("kebab-case", |name| separated(name, '-')),
    ("SCREAMING-KEBAB-CASE", |name| separated(name, '-').to_uppercase()),
];

/// Returns the rule in `rename_all = "…"`. Without one, names stay as they are.
fn rule(settings: &Settings<'_>, errors: &mut Errors) -> fn(&str) -> String {
    let unchanged: fn(&str) -> String = str::to_owned;
    let Some(item) = settings.get("rename_all") else { return unchanged };
    let names: Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
    let there_are = format!("the rules are `{}`", names.join("`, `"));
    match &item.arguments {
        Arguments::Value(value) => {
            let name = value.value();
            if let Some((_, rule)) = RULES.iter().find(|(known, _)| *known == name) {
                return *rule;
            }
            errors.at(value, format!("unknown rule `{name}`: {there_are}"));
        }
        Arguments::Invalid => {}
        Arguments::None | Arguments::List(_) => {
            let message = format!("`rename_all` takes a rule: `rename_all = \"…\"`; {there_are}");
            errors.at(&item.meta, message);
        }
    }
    unchanged
}

fn camel(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Returns the words of a name in lower case, with `separator` between them. A word begins with a capital
/// letter.
fn separated(name: &str, separator: char) -> String {
    let mut label = String::new();
    for char in name.chars() {
        if char.is_uppercase() && !label.is_empty() {
            label.push(separator);
        }
        label.extend(char.to_lowercase());
    }
    label
}
