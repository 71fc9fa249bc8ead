//! The traits that the expansion speaks of fields through, one for each role of a field.
//!
//! They are there for the sake of the errors. A type that does not fit its role is found where the
//! trait is implemented for the field, and that names the type once; the uses of the field are
//! generic over one that fits, and have nothing to complain of.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use crate::check::{Field, Model, Role};

/// Returns the traits of the roles that occur, and their implementations for each field.
pub(crate) fn roles(model: &Model) -> TokenStream {
    let mut traits = TokenStream::new();
    let mut names = Vec::new();
    for field in model.column_fields() {
        let name = trait_name(&field.role);
        if !names.contains(&name) {
            traits.extend(role_trait(&name, &field.role));
            names.push(name);
        }
    }
    let impls = model.column_fields().map(|field| role_impl(model, field));
    quote!(#traits #(#impls)*)
}

/// Returns the path of an item of a field's role.
pub(crate) fn of_role(model: &Model, field: &Field, item: &str) -> TokenStream {
    let ident = &model.ident;
    let role = trait_of(field);
    let item = format_ident!("{item}");
    quote!(<#ident as #role>::#item)
}

/// Returns the type of one column of a field.
pub(crate) fn column_type(model: &Model, field: &Field, part: usize) -> TokenStream {
    let types = of_role(model, field, "TYPES");
    let part = Literal::usize_unsuffixed(part);
    if field.columns.len() == 1 {
        return quote!(#types.get(#part));
    }
    // An assertion reports a column that the field does not have; this need not do it once more.
    quote!(#types.get(const { if #part < #types.len() { #part } else { 0 } }))
}

fn role_impl(model: &Model, field: &Field) -> TokenStream {
    let ident = &model.ident;
    let role = trait_of(field);
    let ty = &field.ty;
    let columns = field.columns.iter().map(|&column| Literal::usize_unsuffixed(column));
    quote! {
        impl #role for #ident {
            type Type = #ty;
            const COLUMNS: &'static [::core::primitive::usize] = &[#(#columns),*];
        }
    }
}

fn trait_of(field: &Field) -> TokenStream {
    let name = trait_name(&field.role);
    let position = Literal::usize_unsuffixed(field.position);
    quote!(#name<#position>)
}

/// Names that no type of the user's has by accident: the trait would hide it.
fn trait_name(role: &Role) -> Ident {
    match role {
        Role::Key(_) => format_ident!("__KeyColumn"),
        Role::Default => format_ident!("__DefaultColumn"),
        Role::Generated => format_ident!("__GeneratedColumn"),
        Role::Version => format_ident!("__VersionColumn"),
        Role::Plain | Role::Skipped => format_ident!("__Column"),
    }
}

/// Returns the trait of a role. Its parameter is the position of a field in the struct.
///
/// A parameter of a function with the name of a constant would be taken for that, and compilers
/// like to suggest methods by their name: hence the underscores.
fn role_trait(name: &Ident, role: &Role) -> TokenStream {
    let (bound, put, nullable) = match role {
        Role::Key(_) => (quote!(::onetrip::KeyField), quote!(key(__field, __part)), quote!(false)),
        Role::Default => {
            let nullable = quote!(<Self::Type as ::onetrip::DefaultField>::WRITES_NULL);
            (quote!(::onetrip::DefaultField), quote!(put_or_default(__field, __part)), nullable)
        }
        // Nothing is written, and so no NULL.
        Role::Generated => (quote!(::onetrip::DefaultField), quote!(generated()), quote!(false)),
        Role::Plain | Role::Version | Role::Skipped => {
            let nullable = quote!(<Self::Type as ::onetrip::Field>::NULLABLE);
            (quote!(::onetrip::Field), quote!(put(__field, __part)), nullable)
        }
    };
    // A foreign key has the type of a key, which can be that of a version.
    let of_versions = matches!(role, Role::Version).then(|| {
        quote! {
            const PLAIN: ::core::primitive::bool =
                !Self::NULLABLE && <Self::Type as ::onetrip::Field>::TARGET.is_none();
        }
    });
    let of_keys = matches!(role, Role::Key(_)).then(|| {
        quote! {
            const ASSIGNED: ::core::primitive::bool = <Self::Type as ::onetrip::KeyField>::ASSIGNED;

            fn __key(
                __field: &Self::Type,
            ) -> ::core::option::Option<<Self::Type as ::onetrip::KeyField>::Key> {
                ::onetrip::KeyField::key(__field)
            }
        }
    });
    quote! {
        trait #name<const FIELD: ::core::primitive::usize> {
            type Type: #bound;
            const COLUMNS: &'static [::core::primitive::usize];
            const TYPES: ::onetrip::ColumnTypes = <Self::Type as ::onetrip::Field>::TYPES;
            const REFERENCE: ::onetrip::Reference =
                ::onetrip::Reference::of::<Self::Type>(Self::COLUMNS);
            const NULLABLE: ::core::primitive::bool = #nullable;

            #of_keys
            #of_versions

            fn __put(
                __field: &Self::Type,
                __part: ::core::primitive::usize,
                __out: &mut ::onetrip::Encoder<'_>,
            ) {
                __out.#put;
            }

            fn __get(
                __row: &::onetrip::Row<'_>,
            ) -> ::core::result::Result<Self::Type, ::onetrip::Error> {
                __row.get(Self::COLUMNS)
            }

            fn __update(
                __field: &mut Self::Type,
                __row: &::onetrip::Row<'_>,
            ) -> ::core::result::Result<(), ::onetrip::Error> {
                __row.update(Self::COLUMNS, __field)
            }
        }
    }
}
