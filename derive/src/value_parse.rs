//! The first stage of `Value`: the enum or newtype and its attributes as syntax.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Data, DeriveInput, Fields, Member};

use crate::errors::Errors;
use crate::parse::{AttributeReader, Item};

/// An enum or a struct that is to be a value.
pub(crate) struct Input {
    pub(crate) ident: Ident,
    /// The items of all its `#[value(...)]`.
    pub(crate) attributes: Vec<Item>,
    pub(crate) shape: Shape,
}

pub(crate) enum Shape {
    Enum(Vec<InputVariant>),
    /// A struct of one field.
    Newtype {
        member: Member,
        ty: TokenStream,
    },
}

pub(crate) struct InputVariant {
    pub(crate) ident: Ident,
    pub(crate) attributes: Vec<Item>,
    /// What it has besides its name.
    pub(crate) fields: Fields,
}

/// Reads the enum or struct, and returns `None` where too little of it is understood to go on.
pub(crate) fn parse(input: &DeriveInput, errors: &mut Errors) -> Option<Input> {
    let generics = &input.generics;
    if let Some(parameter) = generics.params.first() {
        errors.at(parameter, "a value has no generic parameters");
    } else if let Some(clause) = &generics.where_clause {
        errors.at(clause, "a value has no `where` clause");
    }
    let mut reader = AttributeReader::new("value", errors);
    let attributes = reader.read(&input.attrs);
    let shape = match &input.data {
        Data::Enum(data) => {
            let variants = data.variants.iter().map(|variant| InputVariant {
                ident: variant.ident.clone(),
                attributes: reader.read(&variant.attrs),
                fields: variant.fields.clone(),
            });
            Some(Shape::Enum(variants.collect()))
        }
        Data::Struct(data) => newtype(&data.fields, &mut reader),
        Data::Union(_) => None,
    };
    if shape.is_none() {
        let message = "a value is an enum, or a struct of one field";
        reader.errors.at(&input.ident, message);
    }
    let understood = reader.has_understood();
    let shape = shape.filter(|_| understood)?;
    Some(Input { ident: input.ident.clone(), attributes, shape })
}

fn newtype(fields: &Fields, reader: &mut AttributeReader<'_>) -> Option<Shape> {
    let mut all = fields.members().zip(fields);
    let (Some((member, field)), None) = (all.next(), all.next()) else { return None };
    for item in reader.read(&field.attrs) {
        reader.errors.at(&item.meta, "the attributes of a newtype stand on the struct");
    }
    Some(Shape::Newtype { member, ty: field.ty.to_token_stream() })
}
