//! Figures as people read them. One resolution everywhere: three significant digits, because the measurement does not
//! carry more and a longer figure would claim that it does.

use harness_record::latency::Percentile;
pub use harness_record::text::duration;
use harness_record::text::significant;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What stands for a figure that there is none of.
pub(crate) const NONE: &str = "\u{2013}";

/// Several things in one line.
pub(crate) fn joined<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join("; ")
}

/// A moment of an axis in microseconds, without needless zeros: `0`, `500ms`, `1.5s`, `2m`.
pub(crate) fn tick(us: u64) -> String {
    if us == 0 {
        return "0".to_owned();
    }
    let text = duration(us);
    let digits = text.find(|c: char| c.is_ascii_alphabetic() || c == '\u{b5}').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.contains('.') { format!("{}{unit}", number.trim_end_matches('0').trim_end_matches('.')) } else { text }
}

/// A percentile: its value, or `> bound` where it falls on a sample without an end.
pub(crate) fn percentile(value: Option<Percentile>) -> String {
    value.map_or_else(|| NONE.to_owned(), harness_record::text::percentile)
}

/// A mean: its value, or `>= bound` where some samples are only known to be larger than what they were followed for.
pub(crate) fn mean(value: Option<Percentile>) -> String {
    match value {
        None => NONE.to_owned(),
        Some(Percentile::Measured(us)) => duration(us),
        Some(Percentile::Beyond(us)) => format!("\u{2265} {}", duration(us)),
    }
}

/// A size in bytes: `151 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let number = if unit == 0 { format!("{bytes}") } else { significant(value) };
    format!("{number} {}", UNITS.get(unit).copied().unwrap_or("B"))
}

/// A count with its thousands apart: `12,345`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and what is counted: `1 node`, `2 nodes`. `noun` takes a plain `s`.
pub(crate) fn counted(value: u64, noun: &str) -> String {
    let s = if value == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(value))
}

/// `12 passed, 1 failed`: those that are not 0.
pub(crate) fn tally(parts: &[(usize, &str)], none: &str) -> String {
    let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { none.to_owned() } else { parts.join(", ") }
}

/// A share from 0 to 1 in percent: `8.1%`.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        NONE.to_owned()
    } else if percent != 0.0 && percent.abs() < 0.05 {
        "< 0.1%".to_owned()
    } else {
        format!("{percent:.1}%")
    }
}

/// A wall time in UTC, to the second: `2026-11-21 12:15:00 UTC`.
pub(crate) fn wall_time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// One line without control characters (which a terminal would obey), at most `longest` characters.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    cut(text.trim(), longest)
}

/// The same with the spaces at its ends.
pub(crate) fn cut(text: &str, longest: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= longest {
        return line;
    }
    let mut cut: String = line.chars().take(longest.saturating_sub(1)).collect();
    cut.push('\u{2026}');
    cut
}

/// A VM size without the prefix that all of them have.
pub(crate) fn size(instance_type: &str) -> &str {
    instance_type.strip_prefix("Standard_").unwrap_or(instance_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(0, "0")]
    #[case(500_000, "500ms")]
    #[case(1_000_000, "1s")]
    #[case(1_500_000, "1.5s")]
    #[case(20_000_000, "20s")]
    #[case(100_000_000, "1m40s")]
    #[case(600_000_000, "10m")]
    fn ticks(#[case] us: u64, #[case] text: &str) {
        assert_eq!(tick(us), text);
    }

    #[rstest]
    #[case(0, "0 B")]
    #[case(1023, "1.00 KiB")]
    #[case(158_334_976, "151 MiB")]
    #[case(1_288_490_188, "1.20 GiB")]
    fn sizes(#[case] value: u64, #[case] text: &str) {
        assert_eq!(bytes(value), text);
    }

    #[rstest]
    #[case(7, "7")]
    #[case(999, "999")]
    #[case(1_000, "1,000")]
    #[case(12_345_678, "12,345,678")]
    fn counts(#[case] value: u64, #[case] text: &str) {
        assert_eq!(count(value), text);
    }

    #[test]
    fn a_bound_is_not_a_value() {
        assert_eq!(percentile(Some(Percentile::Beyond(300_000_000))), "> 5m");
        assert_eq!(percentile(None), NONE);
        assert_eq!(mean(Some(Percentile::Beyond(2_000_000))), "≥ 2.00s");
    }

    proptest! {
        #[test]
        fn one_line_is_one_line(text in ".{0,300}") {
            let line = one_line(&text, 80);
            prop_assert!(line.chars().count() <= 80 && !line.contains('\n'));
        }
    }
}
