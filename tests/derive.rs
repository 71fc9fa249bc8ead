//! What `#[derive(Model)]` makes of a struct, most of which shows without a database.

mod common;

use common::Schema;
use onetrip::{
    Assigned, Batch, Column, Copy, ForeignKey, Model, NaturalKey, OneTrip, QualifiedName, RowByRow,
    SqlType, Strategy, UnitOfWork, Unnest,
};

/// Compares the model's columns, its key, and the columns and tables of its foreign keys, but not
/// which columns can be NULL.
#[track_caller]
fn check<M: Model>(columns: &[Column], key: &[usize], foreign_keys: &[(&[usize], &str)]) {
    let table = M::table();
    let described = |columns: &[Column]| -> Vec<String> {
        columns.iter().map(|column| format!("{:#?}", column.nullable(true))).collect()
    };
    assert_eq!(described(table.columns()), described(columns));
    assert_eq!(table.key(), key);
    let found: Vec<_> =
        table.foreign_keys().map(|found| (found.columns, found.target.name())).collect();
    assert_eq!(found, foreign_keys);
}

/// Compiles if the model has this type of key.
fn has_key<M: Model<Key = K>, K>() {}

const ID: Column = Column::new("id", SqlType::INT4).assigned(Assigned::OwnedSequence);

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
    nickname: Option<String>,
    manager: Option<ForeignKey<Self>>,
}

impl User {
    fn with_id(id: Option<i32>) -> User {
        User { id, name: String::new(), nickname: None, manager: None }
    }
}

#[test]
fn fields_become_columns() {
    check::<User>(
        &[
            ID,
            Column::new("name", SqlType::TEXT),
            Column::new("nickname", SqlType::TEXT),
            Column::new("manager", SqlType::INT4),
        ],
        &[0],
        &[(&[3], "users")],
    );
    has_key::<User, i32>();
    assert_eq!(User::table().name(), "users");
    assert_eq!(User::table().qualified_name(), QualifiedName::new("users"));
}

#[test]
fn a_column_is_nullable_when_every_field_of_it_can_be_null() {
    #[derive(Model, Clone)]
    #[model(table = "papers")]
    struct Paper {
        #[model(key)]
        id: Option<i32>,
        #[model(key)]
        author: ForeignKey<User>,
        title: String,
        subtitle: Option<String>,
        reviewer: Option<ForeignKey<User>>,
        #[model(column = "author")]
        also_author: Option<ForeignKey<User>>,
        #[model(default)]
        added: Option<String>,
        #[model(default)]
        withdrawn: Option<Option<String>>,
        #[model(generated)]
        words: Option<Option<i32>>,
        #[model(version)]
        version: i64,
    }

    let nullable = |column: &Column| column.is_nullable().map(|is| (column.name(), is));
    let nulls: Vec<_> = Paper::table().columns().iter().filter_map(nullable).collect();
    assert_eq!(
        nulls,
        [
            ("id", false), // `None` is a key that the database assigns
            ("author", false),
            ("title", false),
            ("subtitle", true),
            ("reviewer", true),
            ("added", false), // `None` is the default
            ("withdrawn", true),
            ("words", false), // never written
            ("version", false),
        ]
    );
}

#[test]
fn the_key_is_known_when_all_of_it_is() {
    assert_eq!(User::with_id(None).key(), None);
    assert_eq!(User::with_id(Some(7)).key(), Some(7));
}

#[test]
fn a_key_that_is_not_an_option_is_the_applications() {
    #[derive(Model, Clone)]
    #[model(table = "countries")]
    struct Country {
        #[model(key)]
        code: String,
    }

    check::<Country>(&[Column::new("code", SqlType::TEXT)], &[0], &[]);
    has_key::<Country, String>();
    assert_eq!(Country { code: "NZ".to_owned() }.key().as_deref(), Some("NZ"));
}

#[test]
fn names_are_taken_as_they_are_given() {
    #[derive(Model, Clone)]
    #[model(schema = "Sales")]
    #[model(table = "line item")]
    struct Item {
        #[model(key, column = "ID")]
        id: Option<i32>,
        r#type: i16,
        größe: f64,
        #[model(column = "the \"user\"")]
        user: ForeignKey<User>,
    }

    check::<Item>(
        &[
            Column::new("ID", SqlType::INT4).assigned(Assigned::OwnedSequence),
            Column::new("type", SqlType::INT2),
            Column::new("größe", SqlType::FLOAT8),
            Column::new("the \"user\"", SqlType::INT4),
        ],
        &[0],
        &[(&[3], "users")],
    );
    let name = QualifiedName::in_schema("Sales", "line item");
    assert_eq!(Item::table().qualified_name(), name);
}

#[test]
fn roles_do_not_depend_on_the_spelling_of_a_type() {
    type Maybe<T> = Option<T>;
    type Id = Maybe<i64>;
    type Ref<T> = ForeignKey<T>;
    type Author = Maybe<Ref<User>>;

    #[derive(Model, Clone)]
    #[model(table = "books")]
    struct Book {
        #[model(key)]
        id: Id,
        author: Author,
        #[model(default)]
        added: Maybe<Maybe<String>>,
    }

    check::<Book>(
        &[
            Column::new("id", SqlType::INT8).assigned(Assigned::OwnedSequence),
            Column::new("author", SqlType::INT4),
            Column::new("added", SqlType::TEXT).server_default(),
        ],
        &[0],
        &[(&[1], "users")],
    );
    has_key::<Book, i64>();
}

#[test]
fn the_database_assigns_a_key_in_several_ways() {
    #[derive(Model, Clone)]
    #[model(table = "a")]
    struct Named {
        #[model(key, sequence = "numbers")]
        id: Option<i16>,
    }
    #[derive(Model, Clone)]
    #[model(table = "b")]
    struct NamedElsewhere {
        #[model(sequence("shared", "numbers"), key)]
        id: Option<i64>,
    }
    #[derive(Model, Clone)]
    #[model(table = "c")]
    struct Expression {
        #[model(key)]
        #[model(default = "gen_random_uuid()")]
        id: Option<uuid::Uuid>,
    }

    let by = |ty, by| [Column::new("id", ty).assigned(by)];
    let name = QualifiedName::new("numbers");
    check::<Named>(&by(SqlType::INT2, Assigned::Sequence(name)), &[0], &[]);
    let name = QualifiedName::in_schema("shared", "numbers");
    check::<NamedElsewhere>(&by(SqlType::INT8, Assigned::Sequence(name)), &[0], &[]);
    let expression = Assigned::Expression("gen_random_uuid()");
    check::<Expression>(&by(SqlType::UUID, expression), &[0], &[]);
}

#[test]
fn a_column_can_have_a_type_of_its_own() {
    #[derive(Model, Clone)]
    #[model(table = "people")]
    struct Person {
        #[model(key, sql_type = "citext")]
        email: String,
        #[model(sql_type("app", "mood"), default)]
        mood: Option<String>,
    }

    check::<Person>(
        &[
            Column::new("email", SqlType::TEXT).sql_type(QualifiedName::new("citext")),
            Column::new("mood", SqlType::TEXT)
                .sql_type(QualifiedName::in_schema("app", "mood"))
                .server_default(),
        ],
        &[0],
        &[],
    );
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "articles")]
struct Article {
    #[model(key)]
    id: Option<i32>,
    title: String,
    #[model(generated)]
    length: Option<i32>,
    #[model(generated, column = "first letter")]
    initial: Option<Option<String>>,
    #[model(version)]
    version: i16,
}

#[test]
fn a_version_and_generated_columns_are_described() {
    check::<Article>(
        &[
            ID,
            Column::new("title", SqlType::TEXT),
            Column::new("length", SqlType::INT4).generated(),
            Column::new("first letter", SqlType::TEXT).generated(),
            Column::new("version", SqlType::INT2).version(),
        ],
        &[0],
        &[],
    );
    let columns = Article::table().columns();
    let are = |is: fn(&Column) -> bool| columns.iter().map(is).collect::<Vec<_>>();
    assert_eq!(are(Column::is_version), [false, false, false, false, true]);
    assert_eq!(are(Column::is_generated), [false, false, true, true, false]);
    assert_eq!(are(Column::is_optional), [true, false, true, true, false]);
}

#[test]
fn a_generated_column_is_read_back_and_never_written() {
    let schema = Schema::new(
        "generated",
        r#"CREATE TABLE articles (id serial PRIMARY KEY, title text NOT NULL,
             length int GENERATED ALWAYS AS (char_length(title)) STORED, "first letter" text,
             version smallint NOT NULL);
         CREATE FUNCTION set_initial() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             NEW."first letter" := NULLIF(left(NEW.title, 1), '');
             RETURN NEW;
         END $$;
         CREATE TRIGGER set_initial BEFORE INSERT ON articles
             FOR EACH ROW EXECUTE FUNCTION set_initial()"#,
    );
    let strategies: [(&str, Strategy); 5] = [
        ("OneTrip", OneTrip.into()),
        ("Copy", Copy.into()),
        ("Unnest", Unnest.into()),
        ("Batch", Batch.into()),
        ("RowByRow", RowByRow.into()),
    ];
    for (name, strategy) in strategies {
        let mut client = schema.client();
        client.batch_execute("TRUNCATE articles RESTART IDENTITY").unwrap();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let article = |title: &str, version| Article {
            id: None,
            title: title.to_owned(),
            length: None,
            initial: None,
            version,
        };
        let tea = uow.add(article("tea", 7));
        uow.commit().unwrap();
        let of = |title: &str, id, length, initial: Option<&str>| Article {
            id: Some(id),
            length: Some(length),
            initial: Some(initial.map(str::to_owned)),
            ..article(title, 7)
        };
        assert_eq!(uow[tea], of("tea", 1, 3, Some("t")), "{name}");

        // What was read is in the clone, and is none of the new row's.
        let clone = uow[tea].clone();
        let coffee = uow.add(Article { id: None, title: "coffee".to_owned(), ..clone });
        let nothing = uow.add(article("", 7));
        uow.commit().unwrap();
        assert_eq!(uow[coffee], of("coffee", 2, 6, Some("c")), "{name}");
        assert_eq!(uow[nothing], of("", 3, 0, None), "{name}");
        assert_eq!(
            schema
                .rows(r#"SELECT title, length, "first letter", version FROM articles ORDER BY id"#),
            ["tea|3|t|7", "coffee|6|c|7", "|0|NULL|7"],
            "{name}"
        );
    }
}

#[test]
fn a_skipped_field_is_not_a_column() {
    #[derive(Clone, Default, PartialEq, Debug)]
    struct Cache(Vec<u64>);

    #[derive(Model, Clone)]
    #[model(table = "t")]
    struct Skipping {
        #[model(skip)]
        before: Cache,
        #[model(key)]
        id: Option<i32>,
        #[model(skip)]
        between: Cache,
        name: String,
    }

    check::<Skipping>(&[ID, Column::new("name", SqlType::TEXT)], &[0], &[]);
    let skipping =
        Skipping { before: Cache(vec![1]), id: None, between: Cache(vec![]), name: String::new() };
    assert_ne!(skipping.before, skipping.clone().between);
}

#[derive(Model, Clone)]
#[model(table = "orders")]
struct Order {
    #[model(key)]
    tenant_id: i32,
    #[model(key)]
    id: Option<i64>,
}

#[derive(Model, Clone)]
#[model(table = "lines")]
struct Line {
    #[model(key, column("tenant_id", "order_id"))]
    order: ForeignKey<Order>,
    note: String,
    #[model(key)]
    number: i16,
}

#[test]
fn a_key_can_be_composite() {
    check::<Order>(
        &[
            Column::new("tenant_id", SqlType::INT4),
            Column::new("id", SqlType::INT8).assigned(Assigned::OwnedSequence),
        ],
        &[0, 1],
        &[],
    );
    has_key::<Order, (i32, i64)>();
    assert_eq!(Order { tenant_id: 1, id: None }.key(), None);
    assert_eq!(Order { tenant_id: 1, id: Some(2) }.key(), Some((1, 2)));
}

#[test]
fn a_foreign_key_can_be_part_of_the_key() {
    check::<Line>(
        &[
            Column::new("tenant_id", SqlType::INT4),
            Column::new("order_id", SqlType::INT8),
            Column::new("note", SqlType::TEXT),
            Column::new("number", SqlType::INT2),
        ],
        &[0, 1, 3],
        &[(&[0, 1], "orders")],
    );
    has_key::<Line, (i32, i64, i16)>();
    let line = Line { order: ForeignKey::Key((1, 2)), note: String::new(), number: 3 };
    assert_eq!(line.key(), Some((1, 2, 3)));
    let unset = Line { order: ForeignKey::Unset, ..line };
    assert_eq!(unset.key(), None);
}

#[test]
fn keys_of_references_to_references_are_flat() {
    #[derive(Model, Clone)]
    #[model(table = "parcels")]
    struct Parcel {
        #[model(key)]
        label: String,
        #[model(key, column("tenant", "order", "line"))]
        line: ForeignKey<Line>,
        #[model(key, column("other_tenant", "other_order"))]
        other: ForeignKey<Order>,
        #[model(key)]
        user: ForeignKey<User>,
    }
    #[derive(Model, Clone)]
    #[model(table = "lost_parcels")]
    struct Lost {
        #[model(key, column("l", "t", "o", "n", "ot", "oo", "u"))]
        parcel: ForeignKey<Parcel>,
    }

    has_key::<Parcel, (String, i32, i64, i16, i32, i64, i32)>();
    has_key::<Lost, (String, i32, i64, i16, i32, i64, i32)>();
    let parcel = Parcel {
        label: "x".to_owned(),
        line: (1, 2, 3).into(),
        other: (4, 5).into(),
        user: 6.into(),
    };
    assert_eq!(parcel.key(), Some(("x".to_owned(), 1, 2, 3, 4, 5, 6)));
    assert_eq!(Parcel { other: ForeignKey::Unset, ..parcel.clone() }.key(), None);
    assert_eq!(Lost { parcel: parcel.key().unwrap().into() }.key(), parcel.key());
}

#[test]
fn a_column_that_fields_of_the_key_share_is_in_it_once() {
    #[derive(Model, Clone)]
    #[model(table = "links")]
    struct Link {
        #[model(key)]
        tenant_id: i32,
        #[model(key, column("tenant_id", "from_id"))]
        from: ForeignKey<Order>,
        #[model(key, column("tenant_id", "to_id"))]
        to: ForeignKey<Order>,
    }
    /// Its key is that of its user.
    #[derive(Model, Clone)]
    #[model(table = "admins")]
    struct Admin {
        #[model(key)]
        id: i32,
        #[model(key, column = "id")]
        user: ForeignKey<User>,
    }

    has_key::<Link, (i32, i64, i64)>();
    assert_eq!(Link::table().key(), [0, 1, 2]);
    let link = Link { tenant_id: 7, from: (7, 1).into(), to: (7, 2).into() };
    assert_eq!(link.key(), Some((7, 1, 2)));
    has_key::<Admin, i32>();
    assert_eq!(Admin::table().key(), [0]);
    assert_eq!(Admin { id: 5, user: 5.into() }.key(), Some(5));
    assert_eq!(Admin { id: 5, user: ForeignKey::Unset }.key(), None);
}

#[test]
fn a_row_is_found_by_its_flat_key() {
    let schema = Schema::new(
        "flat_keys",
        "CREATE TABLE orders (tenant_id int, id bigserial, PRIMARY KEY (tenant_id, id));
         CREATE TABLE lines (tenant_id int, order_id bigint, note text NOT NULL, number smallint,
             PRIMARY KEY (tenant_id, order_id, number),
             FOREIGN KEY (tenant_id, order_id) REFERENCES orders)",
    );
    let strategies: [Strategy; 5] =
        [OneTrip.into(), Copy.into(), Unnest.into(), Batch.into(), RowByRow.into()];
    for strategy in strategies {
        let mut client = schema.client();
        client.batch_execute("TRUNCATE orders, lines RESTART IDENTITY").unwrap();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let order = uow.add(Order { tenant_id: 7, id: None });
        let line = |number| Line { order: order.into(), note: "tea".to_owned(), number };
        let (one, two) = (uow.add(line(1)), uow.add(line(2)));
        uow.commit().unwrap();
        assert_eq!(uow[two].key(), Some((7, 1, 2)));
        assert_eq!(uow.find::<Line>((7, 1, 2)).unwrap(), Some(two));
        uow.clear();
        let keys = [(7, 1, 2), (7, 1, 9), (7, 1, 1)];
        let found = uow.find_all::<Line>(keys).unwrap();
        assert!(found[0].is_some() && found[1].is_none() && found[2].is_some());
        let two = found[0].unwrap();
        assert_eq!(uow[two].order, ForeignKey::Key((7, 1)));
        uow[two].note.push('!');
        uow.delete(found[2].unwrap()).unwrap();
        uow.commit().unwrap();
        assert_eq!(schema.rows("SELECT number, note FROM lines"), ["2|tea!"]);
        assert!(uow.get(one).is_err(), "it was cleared");
    }
}

#[test]
fn a_foreign_key_can_have_the_columns_of_a_nested_key() {
    #[derive(Model, Clone)]
    #[model(table = "returns")]
    struct Return {
        #[model(key)]
        id: Option<i32>,
        #[model(column("tenant", "order", "line"))]
        line: Option<ForeignKey<Line>>,
    }

    check::<Return>(
        &[
            ID,
            Column::new("tenant", SqlType::INT4),
            Column::new("order", SqlType::INT8),
            Column::new("line", SqlType::INT2),
        ],
        &[0],
        &[(&[1, 2, 3], "lines")],
    );
}

#[test]
fn fields_can_share_a_column() {
    // The foreign key comes first: the other fields still decide what the column is.
    #[derive(Model, Clone)]
    #[model(table = "invoices")]
    struct Invoice {
        #[model(column("tenant_id", "order_id"))]
        order: ForeignKey<Order>,
        #[model(key, sequence = "tenants")]
        tenant_id: Option<i32>,
        #[model(key)]
        number: i32,
        #[model(column("tenant_id", "replaces_id"))]
        replaces: Option<ForeignKey<Order>>,
        #[model(default, column = "order_id")]
        order_number: Option<i64>,
    }

    let sequence = Assigned::Sequence(QualifiedName::new("tenants"));
    check::<Invoice>(
        &[
            Column::new("tenant_id", SqlType::INT4).assigned(sequence),
            Column::new("order_id", SqlType::INT8).server_default(),
            Column::new("number", SqlType::INT4),
            Column::new("replaces_id", SqlType::INT8),
        ],
        &[0, 2],
        &[(&[0, 1], "orders"), (&[0, 3], "orders")],
    );
    has_key::<Invoice, (i32, i32)>();
}

#[test]
fn unique_fields_are_natural_keys() {
    #[derive(Model, Clone)]
    #[model(table = "parcels")]
    struct Parcel {
        #[model(key)]
        id: Option<i32>,
        #[model(unique)]
        barcode: String,
        #[model(unique("place", "carrier"))]
        shelf: i32,
        #[model(unique = "place", column("tenant_id", "order_id"))]
        order: ForeignKey<Order>,
        #[model(unique = "carrier", sql_type = "citext")]
        carrier: String,
    }

    let keys = Parcel::table().all_natural_keys();
    let expected = [
        NaturalKey::new(&[1]),
        NaturalKey::named("place", &[2, 3, 4]),
        NaturalKey::named("carrier", &[2, 5]),
    ];
    assert_eq!(keys, expected);
    let of = |name| Parcel::table().natural_key(name);
    assert_eq!(of(None), Some(&keys[0]));
    assert_eq!(of(Some("place")), Some(&keys[1]));
    assert_eq!(of(Some("barcode")), None);
    assert!(User::table().all_natural_keys().is_empty());
}

#[test]
fn unique_fields_without_a_name_are_one_natural_key() {
    #[derive(Model, Clone)]
    #[model(table = "pages")]
    struct Page {
        #[model(key, unique)]
        tenant_id: i32,
        #[model(key)]
        id: Option<i32>,
        #[model(unique, column("tenant_id", "site_id"))]
        site: ForeignKey<Order>,
        #[model(unique)]
        slug: String,
    }

    assert_eq!(Page::table().all_natural_keys(), [NaturalKey::new(&[0, 2, 3])]);
    assert_eq!(Page::table().natural_key(None).map(|key| key.columns()), Some(&[0, 2, 3][..]));

    // The only one needs no name to be found, although it has one.
    #[derive(Model, Clone)]
    #[model(table = "tags")]
    struct Tag {
        #[model(key)]
        id: Option<i32>,
        #[model(unique = "by_name")]
        name: String,
    }

    assert_eq!(Tag::table().natural_key(None), Some(&NaturalKey::named("by_name", &[1])));
}

#[test]
fn models_can_refer_to_each_other() {
    #[derive(Model, Clone)]
    #[model(table = "hens")]
    struct Hen {
        #[model(key)]
        id: Option<i32>,
        egg: ForeignKey<Egg>,
    }
    #[derive(Model, Clone)]
    #[model(table = "eggs")]
    struct Egg {
        #[model(key)]
        id: Option<i32>,
        hen: ForeignKey<Hen>,
    }

    check::<Hen>(&[ID, Column::new("egg", SqlType::INT4)], &[0], &[(&[1], "eggs")]);
    check::<Egg>(&[ID, Column::new("hen", SqlType::INT4)], &[0], &[(&[1], "hens")]);
}

#[test]
fn a_macro_can_write_the_struct() {
    macro_rules! model {
        ($name:ident, $table:literal, $field:ident: $ty:ty) => {
            #[derive(Model, Clone)]
            #[model(table = $table)]
            struct $name {
                #[model(key, column = $table)]
                $field: $ty,
            }
        };
    }
    model!(Made, "made", id: Option<i32>);

    let column = Column::new("made", SqlType::INT4).assigned(Assigned::OwnedSequence);
    check::<Made>(&[column], &[0], &[]);
}

/// The expansion means the same wherever it stands, and gives no reason for a warning.
#[deny(warnings, missing_docs, unused_qualifications, unused_results)]
#[no_implicit_prelude]
#[allow(dead_code, non_camel_case_types, non_upper_case_globals)]
pub mod hygiene {
    struct Option;
    struct Result;
    struct Some;
    struct Ok;
    struct None;
    struct usize;
    struct bool;
    struct KeyColumn;
    struct Field;
    struct Table;
    struct Encoder;
    mod core {}
    mod onetrip {}
    const TABLE: () = ();
    const row: () = ();
    const out: () = ();
    const column: () = ();
    const field: () = ();
    const part: () = ();

    /// A value whose name the expansion could hide.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Column(::std::string::String);

    impl ::onetrip::Value for Column {
        const TYPE: ::onetrip::SqlType = ::onetrip::SqlType::TEXT;

        fn encode(
            &self,
            buffer: &mut ::onetrip::BytesMut,
        ) -> ::core::result::Result<(), ::onetrip::BoxError> {
            ::onetrip::Value::encode(&self.0, buffer)
        }

        fn decode(raw: &[u8]) -> ::core::result::Result<Column, ::onetrip::BoxError> {
            ::core::result::Result::map(::onetrip::Value::decode(raw), Column)
        }
    }

    /// Methods that could be taken for those of the traits.
    impl Model {
        fn key(&self) {}
        fn encode(&self) {}
        fn table() {}
        fn put(&self) {}
        fn get(&self) {}
        fn update(&self) {}
    }

    /// A model in a hostile place.
    #[derive(::onetrip::Model, ::core::clone::Clone, ::core::fmt::Debug)]
    #[model(table = "t")]
    pub struct Model {
        #[model(key)]
        pub(crate) column: ::core::option::Option<i32>,
        #[model(unique)]
        row: Column,
        #[model(unique("out", "row"))]
        out: Column,
        this: ::core::option::Option<::onetrip::ForeignKey<Self>>,
        #[model(default)]
        r#match: ::core::option::Option<Column>,
        #[model(generated)]
        bool: ::core::option::Option<Column>,
        #[model(version)]
        r#type: i64,
        #[deprecated]
        part: i32,
        #[deprecated]
        #[model(skip)]
        field: i32,
    }
}

#[test]
fn the_expansion_is_hygienic() {
    let text = |name| Column::new(name, SqlType::TEXT);
    check::<hygiene::Model>(
        &[
            Column::new("column", SqlType::INT4).assigned(Assigned::OwnedSequence),
            text("row"),
            text("out"),
            Column::new("this", SqlType::INT4),
            text("match").server_default(),
            text("bool").generated(),
            Column::new("type", SqlType::INT8).version(),
            Column::new("part", SqlType::INT4),
        ],
        &[0],
        &[(&[3], "t")],
    );
}
