//! What only the types can tell: assertions that the compiler evaluates, each reported at a type.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::check::{Assigned, Column, Field, Model, Role};
use crate::roles::{column_type, of_role};

/// Returns the assertions about all fields of a model.
pub(crate) fn assertions(model: &Model) -> TokenStream {
    let fields = model.column_fields().map(|field| {
        let columns = number_of_columns(model, field);
        let role = match &field.role {
            Role::Key(assigned) => assigned_key(model, field, assigned.as_ref()),
            Role::Version => version(model, field),
            Role::Plain | Role::Default | Role::Generated | Role::Skipped => TokenStream::new(),
        };
        quote!(#columns #role)
    });
    let columns = model.columns.iter().map(|column| shared_column(model, column));
    quote!(#(#fields)* #(#columns)*)
}

/// Returns a constant that does not compile where the condition is false.
fn assert(field: &Field, condition: &TokenStream, message: &str) -> TokenStream {
    // As the user's own code: the compiler would otherwise tell of the macros that this goes through.
    quote_spanned!(field.ty.span()=> const _: () = ::core::assert!(#condition, #message);)
}

fn number_of_columns(model: &Model, field: &Field) -> TokenStream {
    let types = of_role(model, field, "TYPES");
    let number = quote!(#types.len());
    let named = Literal::usize_unsuffixed(field.columns.len());
    if field.columns.len() == 1 {
        let message = "this foreign key refers to a key of several columns: name them with \
                       `column(\"…\", \"…\")`, in the order of that key";
        return assert(field, &quote!(#number == 1), message);
    }
    let one = "this field is one column, and several are named";
    let several = "this foreign key refers to a key with another number of columns than are named";
    let one = assert(field, &quote!(#number != 1), one);
    let several = assert(field, &quote!(#number == 1 || #number == #named), several);
    quote!(#one #several)
}

fn is_integer(model: &Model, field: &Field) -> TokenStream {
    let types = of_role(model, field, "TYPES");
    let oid = quote!(#types.get(0).oid());
    quote! {
        (#oid == ::onetrip::SqlType::INT2.oid()
            || #oid == ::onetrip::SqlType::INT4.oid()
            || #oid == ::onetrip::SqlType::INT8.oid())
    }
}

fn version(model: &Model, field: &Field) -> TokenStream {
    let is_plain = of_role(model, field, "PLAIN");
    let is_integer = is_integer(model, field);
    let message = "a version is an `i16`, `i32` or `i64`";
    assert(field, &quote!(#is_plain && #is_integer), message)
}

fn assigned_key(model: &Model, field: &Field, assigned: Option<&Assigned>) -> TokenStream {
    let is_assigned = of_role(model, field, "ASSIGNED");
    let is_integer = is_integer(model, field);
    let not_an_option = "a key that the database assigns is an `Option`: `None` leaves it to the \
                         database";
    let not_an_integer = match assigned {
        None => {
            "a key of this type is not assigned by a sequence: give the expression, such as \
             `default = \"gen_random_uuid()\"`, or use a plain type and set it yourself"
        }
        Some(Assigned::Sequence(_)) => {
            "a sequence gives integers, so the key is an `i16`, `i32` or `i64`"
        }
        Some(Assigned::Expression(_)) => return assert(field, &is_assigned, not_an_option),
    };
    let integer = assert(field, &quote!(!#is_assigned || #is_integer), not_an_integer);
    let option = assigned.map(|_| assert(field, &is_assigned, not_an_option));
    quote!(#option #integer)
}

/// Returns assertions that the fields of a column write it as one type.
fn shared_column(model: &Model, column: &Column) -> TokenStream {
    let (first, rest) = column.sources.split_first().expect("a column comes from a field");
    let expected = column_type(model, &model.fields[first.field], first.part);
    let assertions = rest.iter().map(|source| {
        let field = &model.fields[source.field];
        let ty = column_type(model, field, source.part);
        let message = "another field has the same column with another type";
        assert(field, &quote!(#ty.oid() == #expected.oid()), message)
    });
    assertions.collect()
}
