//! `summary.json` and `latencies.hlog`, through the wire types of `harness-record`.

use harness_record::RunResult;
use harness_record::summary::{HlogError, Summary, SummaryError, write_hlog};

/// `summary.json`, indented, with a newline at its end. Keys and units: `reports/README.md`.
///
/// # Errors
///
/// None in practice: the type has nothing that JSON cannot express.
pub fn summary_json(result: &RunResult) -> Result<String, SummaryError> {
    Summary::from(result).to_json()
}

/// `latencies.hlog`: the interval log of HdrHistogram's tools, values in microseconds.
///
/// # Errors
///
/// A histogram could not be encoded.
pub fn hlog(result: &RunResult) -> Result<Vec<u8>, HlogError> {
    let mut out = Vec::new();
    write_hlog(result, &mut out)?;
    Ok(out)
}
