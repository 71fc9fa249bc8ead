//! What shows neither in a compiled model nor in one that does not compile.

use quote::{ToTokens, format_ident, quote};
use syn::{Block, DeriveInput, ItemImpl, Stmt, parse_quote};

use crate::model;

fn messages(input: &DeriveInput) -> Vec<String> {
    let error = model(input).expect_err("a mistake");
    error.into_iter().map(|error| error.to_string()).collect()
}

/// Returns the body of a method of the implementation of `Model`.
#[track_caller]
fn body(input: &DeriveInput, method: &str) -> String {
    let expansion = model(input).expect("no mistakes");
    let expansion: syn::ItemConst = syn::parse2(expansion).expect("an item");
    let syn::Expr::Block(block) = *expansion.expr else { panic!("not a block") };
    let is_model = |item: &ItemImpl| {
        let path = item.trait_.as_ref().map(|(_, path, _)| path.to_token_stream().to_string());
        path.as_deref() == Some(":: onetrip :: Model")
    };
    let items = block.block.stmts.into_iter().filter_map(|statement| match statement {
        Stmt::Item(syn::Item::Impl(item)) if is_model(&item) => Some(item.items),
        _ => None,
    });
    let method = items.flatten().find_map(|item| match item {
        syn::ImplItem::Fn(item) if item.sig.ident == method => Some(item.block),
        _ => None,
    });
    method.expect("a method of this name").to_token_stream().to_string()
}

#[track_caller]
fn check_body(input: &DeriveInput, method: &str, expected: &Block) {
    assert_eq!(body(input, method), expected.to_token_stream().to_string());
}

fn shared() -> DeriveInput {
    parse_quote! {
        #[model(table = "invoices")]
        struct Invoice {
            #[model(column("tenant_id", "order_id"))]
            order: ForeignKey<Order>,
            #[model(skip)]
            cache: Cache,
            #[model(key)]
            tenant_id: i32,
            #[model(default)]
            order_id: Option<i64>,
        }
    }
}

#[test]
fn each_field_writes_a_shared_column_in_turn() {
    let expected = parse_quote!({
        match __column {
            0 => {
                <Invoice as __Column<0>>::__put(&self.order, 0, __out);
                <Invoice as __KeyColumn<2>>::__put(&self.tenant_id, 0, __out);
            }
            1 => {
                <Invoice as __Column<0>>::__put(&self.order, 1, __out);
                <Invoice as __DefaultColumn<3>>::__put(&self.order_id, 0, __out);
            }
            _ => {}
        }
    });
    check_body(&shared(), "encode", &expected);
}

#[test]
fn each_field_is_read_by_itself() {
    let expected = parse_quote!({
        ::core::result::Result::Ok(Self {
            order: <Invoice as __Column<0>>::__get(__row)?,
            cache: <Cache as ::core::default::Default>::default(),
            tenant_id: <Invoice as __KeyColumn<2>>::__get(__row)?,
            order_id: <Invoice as __DefaultColumn<3>>::__get(__row)?,
        })
    });
    check_body(&shared(), "decode", &expected);
}

#[test]
fn a_skipped_field_is_not_updated() {
    let expected = parse_quote!({
        <Invoice as __Column<0>>::__update(&mut self.order, __row)?;
        <Invoice as __KeyColumn<2>>::__update(&mut self.tenant_id, __row)?;
        <Invoice as __DefaultColumn<3>>::__update(&mut self.order_id, __row)?;
        ::core::result::Result::Ok(())
    });
    check_body(&shared(), "update", &expected);
}

/// Returns the call that declares the natural keys, or nothing where there is none.
#[track_caller]
fn natural_keys(input: &DeriveInput) -> String {
    let table = body(input, "table");
    let start = table.find(". natural_keys");
    let end = table.rfind(" ; & __TABLE");
    start.zip(end).map(|(start, end)| table[start..end].to_owned()).unwrap_or_default()
}

#[test]
fn unique_fields_without_a_name_are_one_natural_key() {
    assert_eq!(natural_keys(&shared()), "");
    let input = parse_quote! {
        #[model(table = "pages")]
        struct Page {
            #[model(unique)]
            slug: String,
            #[model(key)]
            id: Option<i32>,
            #[model(skip)]
            cache: Cache,
            #[model(unique, column("tenant_id", "site_id"))]
            site: ForeignKey<Site>,
            #[model(unique)]
            tenant_id: i32,
        }
    };
    // A column that several fields share is in it once.
    let expected = quote!(.natural_keys(&[::onetrip::NaturalKey::new(&[0, 2, 3])]));
    assert_eq!(natural_keys(&input), expected.to_string());
}

#[test]
fn unique_fields_of_a_name_are_a_natural_key_each() {
    let input = parse_quote! {
        #[model(table = "books")]
        struct Book {
            #[model(key)]
            id: Option<i32>,
            #[model(unique = "isbn")]
            isbn: String,
            #[model(unique("place", "title"))]
            shelf: i32,
            #[model(unique = "place")]
            number: i32,
            #[model(unique = "title")]
            title: String,
            #[model(unique)]
            barcode: i64,
        }
    };
    let expected = quote!(.natural_keys(&[
        ::onetrip::NaturalKey::named("isbn", &[1]),
        ::onetrip::NaturalKey::named("place", &[2, 3]),
        ::onetrip::NaturalKey::named("title", &[2, 4]),
        ::onetrip::NaturalKey::new(&[5])
    ]));
    assert_eq!(natural_keys(&input), expected.to_string());
}

#[test]
fn a_natural_key_is_what_the_application_gives() {
    let with = |attributes: &str| -> DeriveInput {
        let attributes: proc_macro2::TokenStream = attributes.parse().expect("tokens");
        parse_quote! {
            #[model(table = "t")]
            struct Tag {
                #[model(key)]
                id: Option<i32>,
                #[model(#attributes)]
                name: Option<String>,
            }
        }
    };
    for attributes in ["unique, default", "generated, unique = \"a\"", "version, unique(\"a\")"] {
        let expected = "a natural key is what the application gives: the database, which writes \
                        this column, cannot find a row by it";
        assert_eq!(messages(&with(attributes)), [expected], "{attributes}");
    }
    let expected = "a skipped field is not a column, and takes no other attribute";
    assert_eq!(messages(&with("skip, unique")), [expected]);
    let expected = "`unique` takes a name, or several: `unique = \"a\"` or `unique(\"a\", \"b\")`";
    assert_eq!(messages(&with("unique()")), [expected]);
    assert_eq!(messages(&with("unique = \"\"")), ["a name cannot be empty"]);
    assert_eq!(messages(&with("unique = 5")), ["expected a string literal"]);
}

#[test]
fn self_is_written_out() {
    let input: DeriveInput = parse_quote! {
        #[model(table = "t")]
        struct r#match {
            #[model(key)]
            id: Option<i32>,
            #[model(skip)]
            parents: Vec<(Self, [Self; 2])>,
        }
    };
    let decode = body(&input, "decode");
    assert!(decode.contains("Vec < (r#match , [r#match ; 2]) >"), "{decode}");
}

#[test]
fn a_table_has_at_most_1600_columns() {
    let with_columns = |columns: usize| -> DeriveInput {
        let names = (1..columns).map(|number| format_ident!("column_{number}"));
        parse_quote! {
            #[model(table = "t")]
            struct Wide {
                #[model(key)]
                id: Option<i32>,
                #(#names: i32,)*
            }
        }
    };
    assert!(model(&with_columns(1600)).is_ok());
    let messages = messages(&with_columns(1601));
    assert_eq!(messages, ["a table has at most 1600 columns, and this is one more"]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let input = parse_quote! {
        #[model(tabel = "t")]
        struct User<T> {
            #[model(key = 5, default)]
            id: Option<i32>,
            #[model(column = "id", skip)]
            cache: T,
            #[model(sequence = "")]
            name: String,
        }
    };
    assert_eq!(messages(&input).len(), 7, "{:#?}", messages(&input));
}
