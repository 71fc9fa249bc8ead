//! Types: Rust's for those of the database.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Type};
use crate::names::{self, Names};

/// A library whose types the printed models can use. The types of each library are behind a feature of
/// `onetrip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Library {
    /// `chrono`, for dates and times.
    Chrono,
    /// `jiff`, for dates and times.
    Jiff,
    /// `rust_decimal`, for `numeric`.
    RustDecimal,
    /// `serde_json`, for `jsonb`.
    SerdeJson,
    /// `time`, for dates and times.
    Time,
    /// `uuid`, for `uuid`.
    Uuid,
}

impl Library {
    /// Returns the feature of `onetrip` that has the library's types.
    #[must_use]
    pub const fn feature(self) -> &'static str {
        match self {
            Library::Chrono => "with-chrono-0_4",
            Library::Jiff => "with-jiff-0_2",
            Library::RustDecimal => "with-rust_decimal-1",
            Library::SerdeJson => "with-serde_json-1",
            Library::Time => "with-time-0_3",
            Library::Uuid => "with-uuid-1",
        }
    }

    /// Returns the name of the crate.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Library::Chrono => "chrono",
            Library::Jiff => "jiff",
            Library::RustDecimal => "rust_decimal",
            Library::SerdeJson => "serde_json",
            Library::Time => "time",
            Library::Uuid => "uuid",
        }
    }

    /// Returns the version of the crate.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Library::Chrono => "0.4",
            Library::Jiff => "0.2",
            Library::Time => "0.3",
            Library::RustDecimal | Library::SerdeJson | Library::Uuid => "1",
        }
    }
}

// The numbers are those of PostgreSQL's `pg_type.dat`.
pub(crate) const INT2: u32 = 21;
pub(crate) const INT4: u32 = 23;
pub(crate) const INT8: u32 = 20;
const TEXT: u32 = 25;
const TEXT_ARRAY: u32 = 1009;
const DATE: u32 = 1082;
const TIME: u32 = 1083;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;

/// Built-in types without a library: the type, its array, and Rust's.
const BUILT_IN: &[(u32, u32, &str)] = &[
    (16, 1000, "bool"),
    (17, 1001, "Vec<u8>"),
    (18, 1002, "i8"),
    (INT8, 1016, "i64"),
    (INT2, 1005, "i16"),
    (INT4, 1007, "i32"),
    (26, 1028, "u32"),
    (700, 1021, "f32"),
    (701, 1022, "f64"),
    (869, 1041, "std::net::IpAddr"),
];

/// Types that all are strings, each with its array.
const STRINGS: &[(u32, u32)] = &[(TEXT, TEXT_ARRAY), (1043, 1015), (1042, 1014), (19, 1003)];

/// Types of libraries: the type, its array, the library, and Rust's.
const OF_LIBRARIES: &[(u32, u32, Library, &str)] = &[
    (2950, 2951, Library::Uuid, "uuid::Uuid"),
    (1700, 1231, Library::RustDecimal, "rust_decimal::Decimal"),
    (3802, 3807, Library::SerdeJson, "serde_json::Value"),
    (DATE, 1182, Library::Chrono, "chrono::NaiveDate"),
    (TIME, 1183, Library::Chrono, "chrono::NaiveTime"),
    (TIMESTAMP, 1115, Library::Chrono, "chrono::NaiveDateTime"),
    (TIMESTAMPTZ, 1185, Library::Chrono, "chrono::DateTime<chrono::Utc>"),
    (DATE, 1182, Library::Jiff, "jiff::civil::Date"),
    (TIME, 1183, Library::Jiff, "jiff::civil::Time"),
    (TIMESTAMP, 1115, Library::Jiff, "jiff::civil::DateTime"),
    (TIMESTAMPTZ, 1185, Library::Jiff, "jiff::Timestamp"),
    (DATE, 1182, Library::Time, "time::Date"),
    (TIME, 1183, Library::Time, "time::Time"),
    (TIMESTAMP, 1115, Library::Time, "time::PrimitiveDateTime"),
    (TIMESTAMPTZ, 1185, Library::Time, "time::OffsetDateTime"),
];

/// Types whose Rust types are no keys by themselves, and would be as a type of the caller's.
const KEYS_BY_NEWTYPE: &[u32] = &[16, 18, 26, 869, 1700, TIME, TIMESTAMP, TIMESTAMPTZ];
/// Types whose values are keys.
const KEYS: &[u32] = &[INT2, INT4, INT8, TEXT, 17, 2950, DATE];

/// What a field of a column is.
#[derive(Debug, Clone)]
pub(crate) struct FieldType {
    /// The Rust type, when it is neither NULL nor left to the database.
    pub(crate) rust: String,
    /// The type that its values are sent as.
    pub(crate) wire: u32,
    /// The type of the column has to be named.
    pub(crate) is_cast: bool,
    /// What a reader should know.
    pub(crate) note: Option<String>,
}

impl FieldType {
    /// Returns `true` if a sequence can give its values.
    pub(crate) fn is_integer(&self) -> bool {
        [INT2, INT4, INT8].contains(&self.wire)
    }
}

/// The Rust types of what a catalog has, and those that have to be printed.
pub(crate) struct Types<'a> {
    catalog: &'a Catalog,
    libraries: &'a BTreeSet<Library>,
    pub(crate) used_libraries: BTreeSet<Library>,
    /// Enums of the database, with their names here, and whether they are part of a key.
    pub(crate) enums: BTreeMap<u32, (String, bool)>,
    /// Types that are made for keys: their names, and what they are made of.
    pub(crate) newtypes: BTreeMap<u32, (String, String)>,
}

impl<'a> Types<'a> {
    pub(crate) fn new(catalog: &'a Catalog, libraries: &'a BTreeSet<Library>) -> Types<'a> {
        Types {
            catalog,
            libraries,
            used_libraries: BTreeSet::new(),
            enums: BTreeMap::new(),
            newtypes: BTreeMap::new(),
        }
    }

    /// Returns a type of the catalog.
    pub(crate) fn ty(&self, oid: u32) -> &'a Type {
        &self.catalog.types[&oid]
    }

    /// Returns what a field for a column of this type is.
    pub(crate) fn field(&mut self, oid: u32, dimensions: i32, names: &mut Names) -> FieldType {
        let base = self.base(oid);
        let ty = self.ty(base);
        let Some(element) = ty.element else {
            let (rust, wire) = self.scalar(base, names).unwrap_or(("String".to_owned(), TEXT));
            let is_known = wire != TEXT || is_string(base) || !ty.labels.is_empty();
            let note = (!is_known && !ty.is_string).then(|| format!("As text: {}.", ty.name));
            return FieldType { rust, wire, is_cast: !is_alike(oid, wire), note };
        };
        let element = self.base(element);
        let element_type = self.ty(element);
        if dimensions > 1 || element_type.element.is_some() {
            let note = Some("As text: an array of several dimensions.".to_owned());
            return FieldType { rust: "String".to_owned(), wire: TEXT, is_cast: true, note };
        }
        let (rust, wire) = self.scalar(element, names).unwrap_or(("String".to_owned(), TEXT));
        let is_known = wire != TEXT || is_string(element) || !element_type.labels.is_empty();
        let note = (!is_known && !element_type.is_string)
            .then(|| format!("As texts: {}.", element_type.name));
        let wire = array_of(wire);
        FieldType { rust: format!("Vec<{rust}>"), wire, is_cast: !is_alike(oid, wire), note }
    }

    /// Returns what a field for a column of a key is.
    pub(crate) fn key(&mut self, oid: u32, dimensions: i32, names: &mut Names) -> FieldType {
        let field = self.field(oid, dimensions, names);
        let base = self.base(oid);
        if let Some((_, is_key)) = self.enums.get_mut(&base) {
            *is_key = true;
            return field;
        }
        if KEYS.contains(&field.wire) {
            return field;
        }
        if KEYS_BY_NEWTYPE.contains(&field.wire) {
            let ty = self.ty(field.wire);
            let newtype = self.newtypes.entry(field.wire).or_insert_with(|| {
                (names.unique(names::of_type(&format!("{}_key", ty.name)), ""), field.rust.clone())
            });
            return FieldType { rust: newtype.0.clone(), ..field };
        }
        // Two such values can be equal and not the same, or Rust has no order of them.
        let note = Some("A key as text, in the form that the server gives.".to_owned());
        FieldType { rust: "String".to_owned(), wire: TEXT, is_cast: true, note }
    }

    /// Returns the type under domains.
    fn base(&self, mut oid: u32) -> u32 {
        while let Some(base) = self.ty(oid).base {
            oid = base;
        }
        oid
    }

    /// Returns the Rust type, and what it is sent as.
    fn scalar(&mut self, oid: u32, names: &mut Names) -> Option<(String, u32)> {
        if let Some((wire, _, rust)) = BUILT_IN.iter().find(|(other, ..)| *other == oid) {
            return Some(((*rust).to_owned(), *wire));
        }
        if is_string(oid) {
            return Some(("String".to_owned(), TEXT));
        }
        let is_it = |of: &&(u32, u32, Library, &str)| of.0 == oid && self.libraries.contains(&of.2);
        if let Some((wire, _, library, rust)) = OF_LIBRARIES.iter().find(is_it) {
            self.used_libraries.insert(*library);
            return Some(((*rust).to_owned(), *wire));
        }
        let ty = self.ty(oid);
        if ty.labels.is_empty() {
            return None;
        }
        let (name, _) = self.enums.entry(oid).or_insert_with(|| {
            let name = names::of_type(&ty.name);
            let name = if names.has(&name) { format!("{name}Type") } else { name };
            (names.unique(name, ""), false)
        });
        Some((name.clone(), TEXT))
    }
}

fn is_string(oid: u32) -> bool {
    STRINGS.iter().any(|(string, _)| *string == oid)
}

/// Returns `true` if values that are sent as the one type are of the other, without its name.
pub(crate) fn is_alike(oid: u32, wire: u32) -> bool {
    let is_string_array = |oid: u32| STRINGS.iter().any(|(_, array)| *array == oid);
    oid == wire || is_string(oid) && wire == TEXT || is_string_array(oid) && wire == TEXT_ARRAY
}

fn array_of(wire: u32) -> u32 {
    let built_in = BUILT_IN.iter().map(|(oid, array, _)| (*oid, *array));
    let of_libraries = OF_LIBRARIES.iter().map(|(oid, array, ..)| (*oid, *array));
    let mut all = built_in.chain(of_libraries).chain([(TEXT, TEXT_ARRAY)]);
    all.find_map(|(oid, array)| (oid == wire).then_some(array)).expect("it is a built-in type")
}
