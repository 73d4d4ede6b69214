//! Kubernetes quantities of CPU and memory, as whole numbers of one unit.

use std::fmt;
use std::str::FromStr;

use crate::ScalarType;
use crate::scalar::{ScalarError, as_text, scalar};

/// CPU in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millicores(pub u64);

/// Memory (or any size) in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// Suffixes of `k8s.io/apimachinery/pkg/api/resource`, binary before decimal so that `Mi` is not read as `M`.
const SUFFIXES: [(&str, f64); 13] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("u", 1e-6),
    ("n", 1e-9),
];

fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, scale) = SUFFIXES
        .iter()
        .find_map(|(suffix, scale)| text.strip_suffix(suffix).map(|number| (number, *scale)))
        .unwrap_or((text, 1.0));
    let number: f64 = number.parse().ok()?;
    (number.is_finite() && number >= 0.0 && text.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
        .then_some(number * scale)
}

impl FromStr for Millicores {
    type Err = ScalarError;

    fn from_str(text: &str) -> Result<Self, ScalarError> {
        let refused = || ScalarError { text: text.to_owned(), kind: ScalarType::Cpu };
        let cores = parse(text).ok_or_else(refused)?;
        // Kubernetes rounds up to the next thousandth of a core.
        Ok(Self((cores * 1000.0 - 1e-6).ceil().max(0.0) as u64))
    }
}

impl FromStr for Bytes {
    type Err = ScalarError;

    fn from_str(text: &str) -> Result<Self, ScalarError> {
        let refused = || ScalarError { text: text.to_owned(), kind: ScalarType::Memory };
        Ok(Self(parse(text).ok_or_else(refused)?.ceil() as u64))
    }
}

impl fmt::Display for Millicores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("Ti", 1_u64 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
        match units.iter().find(|(_, size)| self.0 != 0 && self.0.is_multiple_of(*size)) {
            Some((suffix, size)) => write!(f, "{}{suffix}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

as_text!(Millicores);
scalar!(Millicores, Cpu, "CPU as Kubernetes writes it: 500m, 2.");
as_text!(Bytes);
scalar!(Bytes, Memory, "Memory as Kubernetes writes it: 512Mi, 6Gi.");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("500m", 500)]
    #[case("1", 1000)]
    #[case("1.5", 1500)]
    #[case("0", 0)]
    #[case("100u", 1)]
    fn reads_cpu(#[case] text: &str, #[case] millicores: u64) {
        assert_eq!(text.parse(), Ok(Millicores(millicores)));
    }

    #[rstest]
    #[case("512Mi", 512 << 20)]
    #[case("6Gi", 6 << 30)]
    #[case("1G", 1_000_000_000)]
    #[case("1024", 1024)]
    #[case("1e3", 1000)]
    fn reads_memory(#[case] text: &str, #[case] bytes: u64) {
        assert_eq!(text.parse(), Ok(Bytes(bytes)));
    }

    #[rstest]
    #[case("")]
    #[case("-1")]
    #[case("lots")]
    #[case("1 core")]
    #[case("inf")]
    fn refuses_what_is_no_quantity(#[case] text: &str) {
        assert!(text.parse::<Millicores>().is_err());
        assert!(text.parse::<Bytes>().is_err());
    }

    proptest! {
        #[test]
        fn cpu_prints_what_it_reads(value in 0_u64..1 << 30) {
            prop_assert_eq!(Millicores(value).to_string().parse(), Ok(Millicores(value)));
        }

        #[test]
        fn memory_prints_what_it_reads(value in 0_u64..1 << 50) {
            prop_assert_eq!(Bytes(value).to_string().parse(), Ok(Bytes(value)));
        }
    }
}
