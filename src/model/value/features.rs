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
mod rust_decimal_1_value {
    use bytes::BytesMut;
    use postgres::types::{FromSql, ToSql, Type};
    use rust_decimal::Decimal;

    use crate::error::BoxError;
    use crate::model::{SqlType, Value};

    impl Value for Decimal {
        const TYPE: SqlType = SqlType::NUMERIC;

        fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
            self.to_sql(&Type::NUMERIC, out)?;
            Ok(())
        }

        /// Refuses a number that a `Decimal` cannot hold: it would be rounded here, and written
        /// back so.
        fn decode(raw: &[u8]) -> Result<Decimal, BoxError> {
            let value = Decimal::from_sql(&Type::NUMERIC, raw)?;
            let mut again = BytesMut::new();
            value.to_sql(&Type::NUMERIC, &mut again)?;
            if digits(raw) != digits(&again) {
                return Err("the number has more digits than a Decimal can hold".into());
            }
            Ok(value)
        }
    }

    /// Returns the weight of the first digit, the sign and the digits, without zeros in front and
    /// behind.
    fn digits(raw: &[u8]) -> Option<(i16, u16, Vec<u16>)> {
        let numbers: Vec<u16> =
            raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        let [_, weight, sign, _, rest @ ..] = &numbers[..] else { return None };
        let zeros = rest.iter().take_while(|&&digit| digit == 0).count();
        let mut digits = rest[zeros..].to_vec();
        while digits.last() == Some(&0) {
            digits.pop();
        }
        let weight = if digits.is_empty() { 0 } else { *weight as i16 - zeros as i16 };
        Some((weight, *sign, digits))
    }
}

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
        if depth(&out[start..]) > MAX_DEPTH {
            // Written once, it could never be read again.
            return Err("the JSON is nested more than 127 levels deep, which cannot be read".into());
        }
        if escapes_nul(&out[start..]) {
            // Refused here rather than by the server (22P05), which could not name the column.
            return Err("the JSON holds \\u0000, which PostgreSQL's jsonb cannot store".into());
        }
        Ok(())
    }

    /// The most levels that `serde_json` reads.
    const MAX_DEPTH: usize = 127;

    /// Returns how deep arrays and objects are nested in JSON text.
    fn depth(json: &[u8]) -> usize {
        let (mut depth, mut deepest, mut is_text, mut at) = (0_usize, 0, false, 0);
        while let Some(byte) = json.get(at) {
            match byte {
                b'\\' if is_text => at += 1,
                b'"' => is_text = !is_text,
                b'[' | b'{' if !is_text => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
                _ => {}
            }
            at += 1;
        }
        deepest
    }

    /// Returns `true` if JSON text has the escape `\u0000`, as against an escaped backslash before
    /// `u0000`.
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
