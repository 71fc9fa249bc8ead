//! What to do about a type: the Rust type that a column wants.

use super::catalog::Type;
use crate::model::SqlType;

/// Returns what to do where the model sends one type and the column has another.
pub(super) fn for_type(ours: SqlType, our_name: &str, theirs: &Type) -> String {
    if let Some(rust) = rust_type(theirs.base) {
        return format!("make the field's type `{rust}`, or the column's {our_name}");
    }
    let sql_type = sql_type(theirs);
    let text = if theirs.name.ends_with("[]") { SqlType::TEXT.array() } else { SqlType::TEXT };
    if text.reads(ours.oid()) {
        return format!("name the column's type with `{sql_type}`");
    }
    let rust = rust_type(text.oid()).unwrap_or_default();
    format!(
        "make the field a `{rust}`, or a type of your own that is sent as text, with `{sql_type}`"
    )
}

/// Returns the attribute that names a type.
pub(super) fn sql_type(ty: &Type) -> String {
    match &ty.path[..] {
        [schema, name] => format!("#[model(sql_type({schema:?}, {name:?}))]"),
        path => format!("#[model(sql_type = {:?})]", path.concat()),
    }
}

const RUST_TYPES: &[(SqlType, &str)] = &[
    (SqlType::BOOL, "bool"),
    (SqlType::CHAR, "i8"),
    (SqlType::INT2, "i16"),
    (SqlType::INT4, "i32"),
    (SqlType::INT8, "i64"),
    (SqlType::OID, "u32"),
    (SqlType::FLOAT4, "f32"),
    (SqlType::FLOAT8, "f64"),
    (SqlType::TEXT, "String"),
    (SqlType::VARCHAR, "String"),
    (SqlType::BPCHAR, "String"),
    (SqlType::NAME, "String"),
    (SqlType::BYTEA, "Vec<u8>"),
    (SqlType::INET, "IpAddr"),
    (SqlType::UUID, "uuid::Uuid"),
    (SqlType::NUMERIC, "rust_decimal::Decimal"),
    (SqlType::JSONB, "serde_json::Value"),
    (SqlType::DATE, "time::Date"),
    (SqlType::TIME, "time::Time"),
    (SqlType::TIMESTAMP, "time::PrimitiveDateTime"),
    (SqlType::TIMESTAMPTZ, "time::OffsetDateTime"),
];

/// Returns the Rust type of a built-in type, if it has one here.
fn rust_type(oid: u32) -> Option<String> {
    RUST_TYPES.iter().find_map(|(ty, rust)| {
        let array = (ty.array_oid() == oid).then(|| format!("Vec<{rust}>"));
        (ty.oid() == oid).then(|| (*rust).to_owned()).or(array)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(name: &str, base: u32, path: &[&str]) -> Type {
        let path = path.iter().map(|&part| part.to_owned()).collect();
        Type { name: name.to_owned(), base, path }
    }

    #[test]
    fn a_built_in_type_wants_its_rust_type() {
        let bigint = ty("bigint", 20, &["int8"]);
        assert_eq!(
            for_type(SqlType::INT4, "integer", &bigint),
            "make the field's type `i64`, or the column's integer"
        );
        let texts = ty("text[]", 1009, &["_text"]);
        assert!(for_type(SqlType::INT4, "integer", &texts).contains("`Vec<String>`"));
    }

    #[test]
    fn another_type_wants_to_be_named() {
        let mood = ty("mood", 99_999, &["mood"]);
        assert_eq!(
            for_type(SqlType::TEXT, "text", &mood),
            "name the column's type with `#[model(sql_type = \"mood\")]`"
        );
        let moods = ty("shop.mood[]", 99_998, &["shop", "_mood"]);
        assert_eq!(
            for_type(SqlType::INT4, "integer", &moods),
            "make the field a `Vec<String>`, or a type of your own that is sent as text, with \
             `#[model(sql_type(\"shop\", \"_mood\"))]`"
        );
    }
}
