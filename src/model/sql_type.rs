//! The PostgreSQL types that Rust types map to.

/// A built-in PostgreSQL type: its name, its OID and the OID of its array type.
///
/// Built-in OIDs never change, so a statement needs no look-up in the catalog before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlType {
    name: &'static str,
    oid: u32,
    array_oid: u32,
    /// 0, except for arrays.
    element_oid: u32,
}

macro_rules! sql_types {
    ($($name:ident = $sql:literal, $oid:literal, $array:literal;)*) => {
        $(
            #[doc = concat!("`", $sql, "`")]
            pub const $name: SqlType = SqlType::new($sql, $oid, $array);
        )*
    };
}

impl SqlType {
    /// Returns a built-in type that this crate has no constant for, described as `pg_type` lists
    /// it: `typname`, `oid` and `typarray`.
    ///
    /// ```
    /// use onetrip::SqlType;
    ///
    /// const MACADDR: SqlType = SqlType::new("macaddr", 829, 1040);
    /// # assert_eq!(MACADDR.name(), "macaddr");
    /// ```
    #[must_use]
    pub const fn new(name: &'static str, oid: u32, array_oid: u32) -> SqlType {
        SqlType { name, oid, array_oid, element_oid: 0 }
    }

    // The numbers are those of PostgreSQL's `pg_type.dat`.
    sql_types! {
        BOOL = "bool", 16, 1000;
        BYTEA = "bytea", 17, 1001;
        CHAR = "char", 18, 1002;
        NAME = "name", 19, 1003;
        INT8 = "int8", 20, 1016;
        INT2 = "int2", 21, 1005;
        INT4 = "int4", 23, 1007;
        TEXT = "text", 25, 1009;
        OID = "oid", 26, 1028;
        JSON = "json", 114, 199;
        FLOAT4 = "float4", 700, 1021;
        FLOAT8 = "float8", 701, 1022;
        BPCHAR = "bpchar", 1042, 1014;
        VARCHAR = "varchar", 1043, 1015;
        INET = "inet", 869, 1041;
        DATE = "date", 1082, 1182;
        TIME = "time", 1083, 1183;
        TIMESTAMP = "timestamp", 1114, 1115;
        TIMESTAMPTZ = "timestamptz", 1184, 1185;
        INTERVAL = "interval", 1186, 1187;
        NUMERIC = "numeric", 1700, 1231;
        UUID = "uuid", 2950, 2951;
        JSONB = "jsonb", 3802, 3807;
    }

    /// Returns the type's name in `pg_type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns the type's OID.
    #[must_use]
    pub const fn oid(self) -> u32 {
        self.oid
    }

    /// Returns the OID of the type's array type, or 0 if it has none.
    #[must_use]
    pub const fn array_oid(self) -> u32 {
        self.array_oid
    }

    /// Returns the type of a one-dimensional array of this type, named as `typname[]`.
    #[must_use]
    pub const fn array(self) -> SqlType {
        SqlType { name: self.name, oid: self.array_oid, array_oid: 0, element_oid: self.oid }
    }

    /// Returns `true` if the type is an array. An array type has no array type of its own.
    #[must_use]
    pub const fn is_array(self) -> bool {
        self.element_oid != 0
    }

    /// Returns the type of an array's elements.
    pub(crate) const fn element(self) -> SqlType {
        SqlType::new(self.name, self.element_oid, self.oid)
    }

    /// Appends a value to the bytes of a key, after its length. Equal integers have equal bytes, whatever
    /// their types.
    pub(crate) fn push_key_part(self, raw: &[u8], key: &mut Vec<u8>) {
        match self.as_integer(raw) {
            Some(integer) => push_part(&integer.to_be_bytes(), key),
            None => push_part(raw, key),
        }
    }

    /// Returns the type's name for people, with `[]` behind that of an array.
    pub(crate) fn full_name(self) -> String {
        format!("{}{}", self.name, if self.is_array() { "[]" } else { "" })
    }

    /// Returns `true` if this is a type of integers.
    pub(crate) fn is_integer(self) -> bool {
        [SqlType::INT2, SqlType::INT4, SqlType::INT8].contains(&self)
    }

    /// Returns the number that the bytes of a value stand for, if this is an integer type.
    pub(crate) fn as_integer(self, bytes: &[u8]) -> Option<i64> {
        match (self, bytes) {
            (SqlType::INT2, &[a, b]) => Some(i16::from_be_bytes([a, b]).into()),
            (SqlType::INT4, &[a, b, c, d]) => Some(i32::from_be_bytes([a, b, c, d]).into()),
            (SqlType::INT8, bytes) => bytes.try_into().ok().map(i64::from_be_bytes),
            _ => None,
        }
    }

    /// Returns `true` if the server takes values for equal exactly when they have the same bytes.
    /// Integers of different types do not count here. Values of other types can be equal and differ
    /// in bytes, such as 1.0 and 1.00.
    pub(crate) fn is_equal_by_bytes(self) -> bool {
        const TYPES: [SqlType; 13] = [
            SqlType::BOOL,
            SqlType::BYTEA,
            SqlType::CHAR,
            SqlType::NAME,
            SqlType::INT8,
            SqlType::INT2,
            SqlType::INT4,
            SqlType::TEXT,
            SqlType::OID,
            SqlType::VARCHAR,
            SqlType::DATE,
            SqlType::TIMESTAMPTZ,
            SqlType::UUID,
        ];
        TYPES.contains(&self)
    }

    /// Returns `true` for a type of strings, and for one of their arrays.
    pub(crate) fn is_string(self) -> bool {
        STRINGS.iter().any(|ty| [ty.oid, ty.array_oid].contains(&self.oid))
    }

    /// Returns `true` if a value of the type `oid` can be read as one of this type. All string
    /// types have one binary form, and so have their arrays.
    pub(crate) fn reads(self, oid: u32) -> bool {
        let are_both = |oid_of: fn(&SqlType) -> u32| {
            [self.oid, oid].iter().all(|oid| STRINGS.iter().any(|ty| oid_of(ty) == *oid))
        };
        self.oid == oid || are_both(|ty| ty.oid) || are_both(|ty| ty.array_oid)
    }
}

/// Appends a part of a key after its length.
fn push_part(part: &[u8], key: &mut Vec<u8>) {
    key.extend_from_slice(&part.len().to_be_bytes());
    key.extend_from_slice(part);
}

const STRINGS: [SqlType; 4] = [SqlType::TEXT, SqlType::VARCHAR, SqlType::BPCHAR, SqlType::NAME];

/// The most columns that one key can have.
pub(crate) const MAX_KEY_COLUMNS: usize = 8;

/// The types of the columns that one field or key stands for, in order.
#[derive(Debug, Clone, Copy)]
pub struct ColumnTypes {
    types: [SqlType; MAX_KEY_COLUMNS],
    len: usize,
}

impl ColumnTypes {
    /// Returns the types of a field or key of one column.
    #[must_use]
    pub const fn one(ty: SqlType) -> ColumnTypes {
        ColumnTypes { types: [ty; MAX_KEY_COLUMNS], len: 1 }
    }

    /// Returns the columns of `self`, then those of `other`. More than eight are a compile-time
    /// panic.
    #[must_use]
    pub const fn concat(mut self, other: ColumnTypes) -> ColumnTypes {
        assert!(self.len + other.len <= MAX_KEY_COLUMNS, "a key has at most 8 columns");
        let mut i = 0;
        while i < other.len {
            self.types[self.len + i] = other.types[i];
            i += 1;
        }
        self.len += other.len;
        self
    }

    /// Returns the number of columns.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub const fn len(self) -> usize {
        self.len
    }

    /// Returns the type of column `index`. An index past the end is a compile-time panic.
    #[must_use]
    pub const fn get(self, index: usize) -> SqlType {
        assert!(index < self.len);
        self.types[index]
    }
}
