//! `latencies.hlog`: HDR histograms in the interval log format that HdrHistogram's tools of every language read.
//!
//! One interval for each latency and group, tagged `name` or `name{label=value}`. Values are microseconds (3 significant
//! digits, V2 + DEFLATE, Base64); the column of the maximum is in milliseconds. Censored samples have no place in a histogram:
//! their count is in `summary.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, LogIteratorError, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use crate::result::RunResult;

/// Microseconds to milliseconds, for the column of the maximum.
const MAX_DIVISOR: f64 = 1e3;

/// What can be wrong with a `latencies.hlog`.
#[derive(Debug, thiserror::Error)]
pub enum HlogError {
    /// It cannot be written.
    #[error("cannot write latencies.hlog: {0}")]
    Write(String),
    /// It cannot be read.
    #[error("latencies.hlog is not a log of HDR histograms: {0}")]
    Read(String),
}

/// One histogram of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct HlogRow {
    /// The latency's name.
    pub name: String,
    /// The group: empty for all.
    pub labels: BTreeMap<String, String>,
    /// Microseconds.
    pub histogram: Histogram<u64>,
}

/// The log of every latency that has measured samples.
///
/// # Errors
/// A histogram cannot be encoded.
pub fn write_hlog(result: &RunResult) -> Result<Vec<u8>, HlogError> {
    let mut text = Vec::new();
    let failed = |error: &dyn std::fmt::Display| HlogError::Write(error.to_string());
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment(&format!("harness run {}; values in microseconds, the maximum in milliseconds", result.run.id));
    let start = Duration::try_from(result.run.started_at.as_duration()).unwrap_or_default();
    builder.with_start_time(std::time::UNIX_EPOCH + start).with_max_value_divisor(MAX_DIVISOR);
    let mut log = builder.begin_log_with(&mut text, &mut serializer).map_err(|error| failed(&error))?;
    let whole = Duration::from_micros(result.run.duration_us);
    for latency in result.latencies.iter().filter(|latency| !latency.samples.measured_us.is_empty()) {
        let tag = tag(latency.name.as_str(), &latency.labels);
        log.write_histogram(&latency.samples.histogram(), start, whole, Tag::new(&tag))
            .map_err(|error| failed(&error))?;
    }
    Ok(text)
}

/// Reads what [`write_hlog`] wrote.
///
/// # Errors
/// It is not such a log.
pub fn read_hlog(text: &[u8]) -> Result<Vec<HlogRow>, HlogError> {
    let mut deserializer = Deserializer::new();
    let mut rows = Vec::new();
    for entry in IntervalLogIterator::new(text) {
        let interval = match entry {
            Ok(LogEntry::Interval(interval)) => interval,
            Ok(_) => continue,
            Err(LogIteratorError::ParseError { offset }) => {
                return Err(HlogError::Read(format!("not understood from byte {offset}")));
            }
        };
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(interval.encoded_histogram())
            .map_err(|error| HlogError::Read(error.to_string()))?;
        let histogram =
            deserializer.deserialize(&mut bytes.as_slice()).map_err(|error| HlogError::Read(error.to_string()))?;
        let (name, labels) = untag(&interval.tag().map(|tag| tag.to_string()).unwrap_or_default());
        rows.push(HlogRow { name, labels, histogram });
    }
    Ok(rows)
}

/// A tag has no comma, space or line break (HdrHistogram's `HistogramLogWriter`).
fn tag(name: &str, labels: &BTreeMap<String, String>) -> String {
    let clean = |text: &str| text.replace([',', ' ', '\n', '\r', ';', '{', '}', '='], "_");
    if labels.is_empty() {
        return name.to_owned();
    }
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{}={}", clean(key), clean(value))).collect();
    format!("{name}{{{}}}", labels.join(";"))
}

fn untag(tag: &str) -> (String, BTreeMap<String, String>) {
    let Some((name, labels)) = tag.strip_suffix('}').and_then(|tag| tag.split_once('{')) else {
        return (tag.to_owned(), BTreeMap::new());
    };
    let pairs = labels.split(';').filter_map(|pair| pair.split_once('='));
    (name.to_owned(), pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_that_cannot_be_read_is_said_in_words() {
        let error = read_hlog(b"0.000,1.000,0.000,AAAAAAAA\n").unwrap_err().to_string();
        // Before, "InvalidCookie".
        let said = "latencies.hlog is not a log of HDR histograms: The cookie (first 4 bytes) did not match";
        assert!(error.starts_with(said), "{error}");
    }
}
