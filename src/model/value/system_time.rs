//! `SystemTime`: the driver's conversion wraps around at moments that are far away.

use std::time::{Duration, SystemTime};

use bytes::{BufMut, BytesMut};

use super::{Value, range};
use crate::error::BoxError;
use crate::model::SqlType;

/// 2000-01-01, from which PostgreSQL counts, in microseconds of Unix time.
const EPOCH: i128 = 946_684_800_000_000;

impl Value for SystemTime {
    const TYPE: SqlType = SqlType::TIMESTAMPTZ;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let unix = match self.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => after.as_nanos() as i128,
            Err(error) => -(error.duration().as_nanos() as i128),
        };
        let micros = i64::try_from(unix.div_euclid(1_000) - EPOCH);
        match micros {
            Ok(micros) if range::TIMESTAMPS.contains(&micros) => {
                out.put_i64(micros);
                Ok(())
            }
            _ => Err("it is out of range for timestamptz".into()),
        }
    }

    fn decode(raw: &[u8]) -> Result<SystemTime, BoxError> {
        range::check(Self::TYPE, raw)?;
        let micros = i128::from(i64::from_be_bytes(raw.try_into()?)) + EPOCH;
        let distance = Duration::from_micros(u64::try_from(micros.unsigned_abs())?);
        let time = if micros < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(distance)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(distance)
        };
        time.ok_or_else(|| "it is out of range for SystemTime".into())
    }
}
