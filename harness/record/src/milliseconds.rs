//! Times and durations on the wire: milliseconds, to the microsecond.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds, to the microsecond.
pub(crate) fn millis(us: u64) -> f64 {
    us as f64 / 1e3
}

pub(crate) fn micros(ms: f64) -> u64 {
    (ms * 1e3).round().max(0.0) as u64
}

pub(crate) fn serialize<S: Serializer>(us: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    millis(*us).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    f64::deserialize(deserializer).map(micros)
}

/// The same, with null where there is none.
pub(crate) mod option {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(us: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        us.map(millis).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(micros))
    }
}
