//! Values of types from other libraries, each behind a feature named after its version.

#[cfg(feature = "with-chrono-0_4")]
mod chrono_04_values {
    use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};

    crate::model::value::driver_value! {
        NaiveDate: DATE,
        NaiveTime: TIME,
        NaiveDateTime: TIMESTAMP,
        DateTime<Utc>: TIMESTAMPTZ,
        DateTime<FixedOffset>: TIMESTAMPTZ,
    }
}

#[cfg(feature = "with-jiff-0_2")]
mod jiff_02_values {
    use jiff::Timestamp;
    use jiff::civil::{Date, DateTime, Time};

    crate::model::value::driver_value! {
        Date: DATE,
        Time: TIME,
        DateTime: TIMESTAMP,
        Timestamp: TIMESTAMPTZ,
    }
}

#[cfg(feature = "with-time-0_3")]
mod time_03_values {
    use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

    crate::model::value::driver_value! {
        Date: DATE,
        Time: TIME,
        PrimitiveDateTime: TIMESTAMP,
        OffsetDateTime: TIMESTAMPTZ,
    }
}

#[cfg(feature = "with-uuid-1")]
crate::model::value::driver_value!(uuid::Uuid: UUID);

#[cfg(feature = "with-rust_decimal-1")]
crate::model::value::driver_value!(rust_decimal::Decimal: NUMERIC);

#[cfg(feature = "with-serde_json-1")]
mod serde_json_1_values {
    use bytes::BytesMut;
    use postgres::types::{FromSql, Json, ToSql, Type};
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use std::fmt::Debug;

    use crate::error::BoxError;
    use crate::model::{SqlType, Value};

    impl Value for serde_json::Value {
        const TYPE: SqlType = SqlType::JSONB;

        fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
            encode(self, out)
        }

        fn decode(raw: &[u8]) -> Result<Self, BoxError> {
            FromSql::from_sql(&Type::JSONB, raw)
        }
    }

    /// Any serializable type as `jsonb`.
    impl<T: Serialize + DeserializeOwned + Debug> Value for Json<T> {
        const TYPE: SqlType = SqlType::JSONB;

        fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
            encode(self, out)
        }

        fn decode(raw: &[u8]) -> Result<Self, BoxError> {
            FromSql::from_sql(&Type::JSONB, raw)
        }
    }

    fn encode(json: &impl ToSql, out: &mut BytesMut) -> Result<(), BoxError> {
        let start = out.len();
        json.to_sql(&Type::JSONB, out)?;
        if escapes_nul(&out[start..]) {
            // Refused here rather than by the server (22P05), which could not name the column.
            return Err("the JSON holds \\u0000, which PostgreSQL's jsonb cannot store".into());
        }
        Ok(())
    }

    /// Whether JSON text has the escape `\u0000`, as against an escaped backslash before `u0000`.
    fn escapes_nul(json: &[u8]) -> bool {
        let mut rest = json;
        while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
            if rest[at..].starts_with(b"\\u0000") {
                return true;
            }
            // What is escaped is no beginning of another escape.
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        false
    }

    #[cfg(test)]
    mod tests {
        use super::escapes_nul;

        #[test]
        fn only_the_escape_counts() {
            assert!(escapes_nul(br#"{"a":"x\u0000"}"#));
            assert!(escapes_nul(br#""\\\u0000""#));
            assert!(!escapes_nul(br#""\\u0000""#));
            assert!(escapes_nul(br#""\u00001""#));
            assert!(!escapes_nul(br#""u0000""#));
        }
    }
}
