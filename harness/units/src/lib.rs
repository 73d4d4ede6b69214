//! Quantities with their units, as people and Kubernetes write them: durations, CPU, memory, parts, factors and rates.
//!
//! Each reads and writes a text that carries its unit (`1m30s`, `500m`, `2Gi`), so that no number in a scenario, a plan or a report has to be
//! guessed at. This crate names no other crate of the workspace.

mod check;
mod duration;
mod part;
mod quantity;
mod ratio;
mod scalar;

pub use duration::Span;
pub use part::{Amount, Percent, Share};
pub use quantity::{Bytes, Millicores};
pub use ratio::{Factor, Rate};
pub use scalar::{ScalarError, ScalarType, TYPE_KEY};

/// A count of things: `1 pod`, `2 pods`, `2 Processes`.
pub fn count(count: impl std::fmt::Display, noun: &str) -> String {
    let count = count.to_string();
    let plural = match noun {
        _ if count == "1" => "",
        noun if noun.ends_with('s') => "es",
        _ => "s",
    };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    #[rstest]
    #[case(0, "pod", "0 pods")]
    #[case(1, "NodeClaim", "1 NodeClaim")]
    #[case(2, "Process", "2 Processes")]
    fn nouns_agree_with_their_count(#[case] count: u64, #[case] noun: &str, #[case] text: &str) {
        assert_eq!(super::count(count, noun), text);
    }
}
