//! The third stage: the implementation.
//!
//! Every name in it is written out in full, so that nothing in the user's module can change what
//! it means.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use crate::assertions::assertions;
use crate::check::{Assigned, Column, Field, Model, Role};
use crate::roles::{column_type, of_role, roles};
use crate::settings::QualifiedName;

pub(crate) fn expand(model: &Model) -> TokenStream {
    let roles = roles(model);
    let assertions = assertions(model);
    let ident = &model.ident;
    // The trait is named at the struct, so that a missing `Clone` is reported there, and once.
    let model_trait = quote_spanned!(model.span()=> ::onetrip::Model);
    let table = table(model);
    let key = key(model);
    let encode = model.columns.iter().enumerate().map(|(position, column)| {
        let position = Literal::usize_unsuffixed(position);
        let calls = encode(model, column);
        quote!(#position => { #calls })
    });
    let decode = model.fields.iter().map(|field| decode(model, field));
    let update = model.column_fields().map(|field| {
        let ident = &field.ident;
        let update = of_role(model, field, "__update");
        quote!(#update(&mut self.#ident, __row)?;)
    });
    quote! {
        const _: () = {
            #roles
            #assertions

            #[automatically_derived]
            impl #model_trait for #ident {
                fn table() -> &'static ::onetrip::Table {
                    static __TABLE: ::onetrip::Table = #table;
                    &__TABLE
                }

                #key

                fn encode(&self, __column: ::core::primitive::usize, __out: &mut ::onetrip::Encoder<'_>) {
                    match __column {
                        #(#encode)*
                        _ => {}
                    }
                }

                fn decode(
                    __row: &::onetrip::Row<'_>,
                ) -> ::core::result::Result<Self, ::onetrip::Error> {
                    ::core::result::Result::Ok(Self { #(#decode)* })
                }

                fn update(
                    &mut self,
                    __row: &::onetrip::Row<'_>,
                ) -> ::core::result::Result<(), ::onetrip::Error> {
                    #(#update)*
                    ::core::result::Result::Ok(())
                }
            }
        };
    }
}

/// Returns the associated type `Key` and the method `key`.
fn key(model: &Model) -> TokenStream {
    let fields: Vec<&Field> = model.key_fields().collect();
    let is_flat = fields.iter().all(|field| field.columns.len() == 1)
        && model.key_columns().len() == fields.len();
    if fields.len() > 1 && !is_flat {
        return flat_key(model, &fields);
    }
    let types = fields.iter().map(|field| {
        let ty = &field.ty;
        quote_spanned!(field.span()=> <#ty as ::onetrip::KeyField>::Key)
    });
    let values = fields.iter().map(|field| {
        let ident = &field.ident;
        let key = of_role(model, field, "__key");
        quote!(#key(&self.#ident))
    });
    // Where something is no key, this says so once more: at least not at the whole derive.
    let (span, ty, value) = match fields[..] {
        [field] => (field.span(), quote!(#(#types)*), quote!(#(#values)*)),
        _ => {
            let span = model.span();
            let ty = quote_spanned!(span=> (#(#types),*));
            let value = quote_spanned!(span=> ::core::option::Option::Some((#(#values?),*)));
            (span, ty, value)
        }
    };
    quote_spanned! {span=>
        type Key = #ty;

        fn key(&self) -> ::core::option::Option<#ty> {
            #value
        }
    }
}

/// Returns the same where fields of the key have several columns, or share one: the key has a part for each
/// column.
fn flat_key(model: &Model, fields: &[&Field]) -> TokenStream {
    let (mut known, mut types, mut names, mut parts) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for field in fields {
        let (ty, ident) = (&field.ty, &field.ident);
        let key = quote_spanned!(field.span()=> <#ty as ::onetrip::KeyField>::Key);
        let mut patterns = Vec::new();
        for (part, column) in field.columns.iter().enumerate() {
            if known.contains(column) {
                patterns.push(quote!(_));
                continue;
            }
            known.push(*column);
            let name = format_ident!("__part_{}", column);
            patterns.push(quote!(#name));
            names.push(name);
            types.push(if field.columns.len() == 1 {
                key.clone()
            } else {
                let part = Literal::usize_unsuffixed(part);
                quote_spanned!(field.span()=> <#key as ::onetrip::KeyPart<#part>>::Part)
            });
        }
        let value = of_role(model, field, "__key");
        // One of these is no tuple.
        parts.push(quote!(let (#(#patterns),*) = #value(&self.#ident)?;));
    }
    quote_spanned! {model.span()=>
        type Key = (#(#types),*);

        fn key(&self) -> ::core::option::Option<<Self as ::onetrip::Model>::Key> {
            #(#parts)*
            ::core::option::Option::Some((#(#names),*))
        }
    }
}

fn table(model: &Model) -> TokenStream {
    let name = &model.table;
    let columns = model.columns.iter().map(|column| table_column(model, column));
    let key = model.key_columns().into_iter().map(Literal::usize_unsuffixed);
    let schema = model.schema.as_ref().map(|schema| quote!(.schema(#schema)));
    // Which fields are foreign keys, only their types know.
    let references = model.column_fields().map(|field| of_role(model, field, "REFERENCE"));
    let natural_keys = model.natural_keys().into_iter().map(|(name, columns)| {
        let columns = columns.into_iter().map(Literal::usize_unsuffixed);
        let columns = quote!(&[#(#columns),*]);
        match name.as_str() {
            "" => quote!(::onetrip::NaturalKey::new(#columns)),
            name => quote!(::onetrip::NaturalKey::named(#name, #columns)),
        }
    });
    let natural_keys: Vec<_> = natural_keys.collect();
    let natural_keys =
        (!natural_keys.is_empty()).then(|| quote!(.natural_keys(&[#(#natural_keys),*])));
    quote! {
        ::onetrip::Table::new(#name, &[#(#columns),*], &[#(#key),*])
            #schema
            .references(&[#(#references),*])
            #natural_keys
    }
}

fn table_column(model: &Model, column: &Column) -> TokenStream {
    let name = &column.name;
    let first = &column.sources[0];
    let ty = column_type(model, &model.fields[first.field], first.part);
    // NULL is written where no field has a value.
    let nullable = column.sources.iter().map(|source| {
        let field = &model.fields[source.field];
        of_role(model, field, "NULLABLE")
    });
    let mut tokens = quote!(::onetrip::Column::new(#name, #ty).nullable(#(#nullable)&*));
    if let Some(sql_type) = &column.sql_type {
        let sql_type = qualified_name(sql_type);
        tokens = quote!(#tokens.sql_type(#sql_type));
    }
    for source in &column.sources {
        let field = &model.fields[source.field];
        match &field.role {
            Role::Plain | Role::Skipped => {}
            Role::Default => tokens = quote!(#tokens.server_default()),
            Role::Generated => tokens = quote!(#tokens.generated()),
            Role::Version => tokens = quote!(#tokens.version()),
            Role::Key(Some(Assigned::Sequence(name))) => {
                let name = qualified_name(name);
                tokens = quote!(#tokens.assigned(::onetrip::Assigned::Sequence(#name)));
            }
            Role::Key(Some(Assigned::Expression(sql))) => {
                tokens = quote!(#tokens.assigned(::onetrip::Assigned::Expression(#sql)));
            }
            Role::Key(None) => {
                let is_assigned = of_role(model, field, "ASSIGNED");
                // In a block of its own: with a condition in it, the table is no constant.
                tokens = quote! {
                    const {
                        let __column = #tokens;
                        if #is_assigned {
                            __column.assigned(::onetrip::Assigned::OwnedSequence)
                        } else {
                            __column
                        }
                    }
                };
            }
        }
    }
    tokens
}

fn qualified_name(name: &QualifiedName) -> TokenStream {
    let QualifiedName { schema, name } = name;
    match schema {
        Some(schema) => quote!(::onetrip::QualifiedName::in_schema(#schema, #name)),
        None => quote!(::onetrip::QualifiedName::new(#name)),
    }
}

fn encode(model: &Model, column: &Column) -> TokenStream {
    let calls = column.sources.iter().map(|source| {
        let field = &model.fields[source.field];
        let ident = &field.ident;
        let put = of_role(model, field, "__put");
        let part = Literal::usize_unsuffixed(source.part);
        quote!(#put(&self.#ident, #part, __out);)
    });
    calls.collect()
}

fn decode(model: &Model, field: &Field) -> TokenStream {
    let Field { ident, ty, .. } = field;
    match field.role {
        Role::Skipped => {
            let ty = quote_spanned!(field.span()=> <#ty as ::core::default::Default>);
            quote!(#ident: #ty::default(),)
        }
        Role::Key(_) | Role::Default | Role::Generated | Role::Version | Role::Plain => {
            let get = of_role(model, field, "__get");
            quote!(#ident: #get(__row)?,)
        }
    }
}
