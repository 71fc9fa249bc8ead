//! Values that one side can hold and the other cannot, where the driver would not notice.

use crate::error::BoxError;
use crate::model::SqlType;

/// Days from 2000-01-01: from 4714-11-24 BC to the end of the year 5874897.
const DATES: std::ops::Range<i64> = -2_451_545..2_145_031_949;

/// Microseconds from 2000-01-01: from 4714-11-24 BC to the end of the year 294276.
pub(super) const TIMESTAMPS: std::ops::Range<i64> =
    -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// Microseconds of a day. The server also knows 24:00, which would be read as 00:00.
const TIMES: std::ops::Range<i64> = 0..86_400_000_000;

/// Refuses the binary form of a value that is out of range: on the way to the server, which would
/// not name the column (SQLSTATE 22008), and on the way back, where infinity would become some
/// moment or a network an address.
///
/// Inlined always: the type is a constant, and for most nothing is left of this.
#[inline(always)]
pub(super) fn check(ty: SqlType, raw: &[u8]) -> Result<(), BoxError> {
    const DATE: u32 = SqlType::DATE.oid();
    const TIME: u32 = SqlType::TIME.oid();
    const TIMESTAMP: u32 = SqlType::TIMESTAMP.oid();
    const TIMESTAMPTZ: u32 = SqlType::TIMESTAMPTZ.oid();
    const INET: u32 = SqlType::INET.oid();
    let fits = match ty.oid() {
        DATE => raw.try_into().is_ok_and(|raw| DATES.contains(&i32::from_be_bytes(raw).into())),
        TIME => raw.try_into().is_ok_and(|raw| TIMES.contains(&i64::from_be_bytes(raw))),
        TIMESTAMP | TIMESTAMPTZ => {
            raw.try_into().is_ok_and(|raw| TIMESTAMPS.contains(&i64::from_be_bytes(raw)))
        }
        // The family, the length of the network, whether it is a `cidr`, the address.
        INET => matches!(raw, [_, 32, _, 4, ..] | [_, 128, _, 16, ..]),
        _ => true,
    };
    if fits { Ok(()) } else { Err(format!("it is out of range for {}", ty.name()).into()) }
}
