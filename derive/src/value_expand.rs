//! The third stage of `Value`: the implementations.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::value_check::{Kind, Value};

pub(crate) fn expand(value: &Value) -> TokenStream {
    let ident = &value.ident;
    let (ty, encode, decode) = match &value.kind {
        Kind::Enum(labels) => of_enum(ident, labels),
        Kind::Newtype { member, ty } => {
            // What is no value is reported at the type of the field.
            let inner = quote_spanned!(ty.span().resolved_at(Span::call_site())=>
                <#ty as ::onetrip::Value>);
            let encode = quote!(#inner::encode(&self.#member, __out));
            let decode = quote! {
                ::core::result::Result::Ok(Self { #member: #inner::decode(__raw)? })
            };
            (quote!(#inner::TYPE), encode, decode)
        }
    };
    let key = value.is_key.then(|| key(value));
    quote! {
        const _: () = {
            #[automatically_derived]
            impl ::onetrip::Value for #ident {
                const TYPE: ::onetrip::SqlType = #ty;

                fn encode(
                    &self,
                    __out: &mut ::onetrip::BytesMut,
                ) -> ::core::result::Result<(), ::onetrip::BoxError> {
                    #encode
                }

                fn decode(
                    __raw: &[::core::primitive::u8],
                ) -> ::core::result::Result<Self, ::onetrip::BoxError> {
                    #decode
                }
            }

            #[automatically_derived]
            impl ::onetrip::Parameter for &#ident {
                const TYPE: ::onetrip::SqlType = <#ident as ::onetrip::Value>::TYPE;

                fn encode_parameter(
                    &self,
                    __out: &mut ::onetrip::BytesMut,
                ) -> ::core::result::Result<::core::primitive::bool, ::onetrip::BoxError> {
                    <#ident as ::onetrip::Parameter>::encode_parameter(self, __out)
                }
            }

            #key
        };
    }
}

/// Returns the type, and the bodies of `encode` and `decode`.
fn of_enum(
    ident: &proc_macro2::Ident,
    labels: &[(proc_macro2::Ident, String)],
) -> (TokenStream, TokenStream, TokenStream) {
    let variants = labels.iter().map(|(variant, _)| variant);
    let bytes = labels.iter().map(|(_, label)| Literal::byte_string(label.as_bytes()));
    let (again, bytes_again) = (variants.clone(), bytes.clone());
    let encode = quote! {
        __out.extend_from_slice(match self { #(Self::#variants => #bytes,)* });
        ::core::result::Result::Ok(())
    };
    let unknown = format!("its label is none that the enum `{ident}` has");
    let decode = quote! {
        match __raw {
            #(#bytes_again => ::core::result::Result::Ok(Self::#again),)*
            _ => ::core::result::Result::Err(::core::convert::From::from(#unknown)),
        }
    };
    (quote!(::onetrip::SqlType::TEXT), encode, decode)
}

/// Returns what makes the type a key, and a reference of it.
fn key(value: &Value) -> TokenStream {
    let ident = &value.ident;
    // A missing `Clone` is reported at the type's name.
    let span = ident.span().resolved_at(Span::call_site());
    let key_value = quote_spanned!(span=> ::onetrip::KeyValue);
    quote! {
        #[automatically_derived]
        impl #key_value for #ident {}

        #[automatically_derived]
        impl<__T: ::onetrip::Model<Key = #ident>> ::core::convert::From<#ident>
            for ::onetrip::ForeignKey<__T>
        {
            fn from(__key: #ident) -> Self {
                ::onetrip::ForeignKey::Key(__key)
            }
        }
    }
}
