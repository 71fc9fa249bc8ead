//! The first stage: the struct and its attributes as syntax, whatever they mean.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Expr, Fields, Lit, LitStr, Meta, Token};

use crate::errors::Errors;

/// A struct that is to be a model.
pub(crate) struct Input {
    pub(crate) ident: Ident,
    /// The items of all its `#[model(...)]`.
    pub(crate) attributes: Vec<Item>,
    pub(crate) fields: Vec<InputField>,
}

/// A named field of the struct.
pub(crate) struct InputField {
    pub(crate) ident: Ident,
    /// The type, with `Self` written out: the expansion uses the type where there is no `Self`.
    pub(crate) ty: TokenStream,
    pub(crate) attributes: Vec<Item>,
}

/// One element of the list in `#[model(...)]`.
pub(crate) struct Item {
    /// What an error points at.
    pub(crate) meta: Meta,
    /// The path of the item, such as `column`.
    pub(crate) name: String,
    pub(crate) arguments: Arguments,
}

/// What follows the name of an [`Item`].
pub(crate) enum Arguments {
    /// `name`
    None,
    /// `name = "value"`
    Value(LitStr),
    /// `name("first", "second")`
    List(Vec<LitStr>),
    /// Something that an error has been reported for.
    Invalid,
}

/// Reads the struct, and returns `None` where too little of it is understood to go on.
pub(crate) fn parse(input: &DeriveInput, errors: &mut Errors) -> Option<Input> {
    let generics = &input.generics;
    if let Some(parameter) = generics.params.first() {
        errors.at(parameter, "a model has no generic parameters");
    } else if let Some(clause) = &generics.where_clause {
        errors.at(clause, "a model has no `where` clause");
    }
    let mut attributes = AttributeReader::new("model", errors);
    let of_struct = attributes.read(&input.attrs);
    let Some(named) = named_fields(&input.data) else {
        attributes.errors.at(&input.ident, "a model is a struct with named fields");
        return None;
    };
    let fields = named.named.iter().filter_map(|field| {
        Some(InputField {
            ident: field.ident.clone()?,
            ty: without_self(field.ty.to_token_stream(), &input.ident),
            attributes: attributes.read(&field.attrs),
        })
    });
    let fields = fields.collect();
    let understood = attributes.has_understood();
    understood.then(|| Input { ident: input.ident.clone(), attributes: of_struct, fields })
}

fn named_fields(data: &Data) -> Option<&syn::FieldsNamed> {
    match data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => Some(named),
            Fields::Unnamed(_) | Fields::Unit => None,
        },
        Data::Enum(_) | Data::Union(_) => None,
    }
}

/// Reads every attribute of one name, such as `#[model(...)]`.
pub(crate) struct AttributeReader<'a> {
    name: &'static str,
    pub(crate) errors: &'a mut Errors,
    /// Whether one of them was not a list of items: what it was to say is then anyone's guess.
    malformed: bool,
}

impl<'a> AttributeReader<'a> {
    pub(crate) fn new(name: &'static str, errors: &'a mut Errors) -> AttributeReader<'a> {
        AttributeReader { name, errors, malformed: false }
    }

    /// Returns `true` if every attribute so far was a list of items.
    pub(crate) fn has_understood(&self) -> bool {
        !self.malformed
    }

    pub(crate) fn read(&mut self, attributes: &[Attribute]) -> Vec<Item> {
        let mut items = Vec::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(self.name))
        {
            match attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
                Ok(list) => items.extend(list.into_iter().map(|meta| item(meta, self.errors))),
                Err(error) => {
                    self.errors.add(error);
                    self.malformed = true;
                }
            }
        }
        items
    }
}

fn item(meta: Meta, errors: &mut Errors) -> Item {
    let segments = meta.path().segments.iter().map(|segment| segment.ident.to_string());
    let name = segments.collect::<Vec<_>>().join("::");
    let arguments = arguments(&meta).unwrap_or_else(|error| {
        errors.add(error);
        Arguments::Invalid
    });
    Item { meta, name, arguments }
}

fn arguments(meta: &Meta) -> syn::Result<Arguments> {
    match meta {
        Meta::Path(_) => Ok(Arguments::None),
        Meta::NameValue(pair) => string(&pair.value).map(Arguments::Value),
        Meta::List(list) => {
            let values = list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated)?;
            values.iter().map(string).collect::<syn::Result<_>>().map(Arguments::List)
        }
    }
}

fn string(expr: &Expr) -> syn::Result<LitStr> {
    match expr {
        Expr::Lit(syn::ExprLit { lit: Lit::Str(string), .. }) => Ok(string.clone()),
        // What a `macro_rules!` macro passes on.
        Expr::Group(group) => string(&group.expr),
        _ => Err(syn::Error::new_spanned(expr, "expected a string literal")),
    }
}

fn without_self(tokens: TokenStream, ident: &Ident) -> TokenStream {
    let replace = |token| match token {
        TokenTree::Ident(token) if token == "Self" => {
            let mut ident = ident.clone();
            ident.set_span(token.span());
            TokenTree::Ident(ident)
        }
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), without_self(group.stream(), ident));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        token => token,
    };
    tokens.into_iter().map(replace).collect()
}
