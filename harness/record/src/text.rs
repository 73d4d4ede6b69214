//! Figures as people read them.

pub(crate) use harness_units::count;

use crate::samples::Percentile;

/// Three significant digits of a value from 0 to 1,000.
pub fn significant(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// A duration in microseconds as a scenario would write it, rounded to three significant digits, to seconds above a minute and
/// to minutes above an hour: `812ms`, `1.50s`, `41.2s`, `3m12s`, `1h02m`. The one place where durations are rounded for people, so
/// that a verdict and the table beside it say the same.
pub fn duration(us: u64) -> String {
    const SECOND_US: u64 = 1_000_000;
    let value = us as f64;
    match us {
        0 => "0s".to_owned(),
        1..1_000 => format!("{us}\u{b5}s"),
        1_000..999_500 => format!("{}ms", significant(value / 1e3)),
        999_500..59_950_000 => format!("{}s", significant(value / 1e6)),
        59_950_000..3_599_500_000 => {
            let seconds = (us + SECOND_US / 2) / SECOND_US;
            match seconds % 60 {
                0 => format!("{}m", seconds / 60),
                rest => format!("{}m{rest:02}s", seconds / 60),
            }
        }
        _ => {
            let minutes = us.saturating_add(30 * SECOND_US) / (60 * SECOND_US);
            match minutes % 60 {
                0 => format!("{}h", minutes / 60),
                rest => format!("{}h{rest:02}m", minutes / 60),
            }
        }
    }
}

/// A percentile: `41.2s`, or `> 41.2s` where only a bound is known.
pub fn percentile(percentile: Percentile) -> String {
    match percentile {
        Percentile::Measured(us) => duration(us),
        Percentile::Beyond(us) => format!("> {}", duration(us)),
    }
}

/// US dollars, from millionths of one, to three significant digits below ten and to cents above: `$0.0123`, `$1.54`, `$120.40`.
pub fn usd(micro_usd: u64) -> String {
    let value = micro_usd as f64 / 1e6;
    match micro_usd {
        0 => "$0".to_owned(),
        1..1_000 => format!("${value:.6}"),
        1_000..10_000 => format!("${value:.5}"),
        10_000..100_000 => format!("${value:.4}"),
        100_000..1_000_000 => format!("${value:.3}"),
        _ => format!("${value:.2}"),
    }
}

/// The first few, and how many more.
pub(crate) fn first_few(texts: &[String], most: usize) -> String {
    let shown = texts.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match texts.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Cuts a text to one line of at most `most` characters.
pub fn one_line(text: &str, most: usize) -> String {
    let one = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if one.chars().count() <= most {
        return one;
    }
    let mut cut: String = one.chars().take(most.saturating_sub(3)).collect();
    cut.truncate(cut.trim_end().len());
    cut + "..."
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(0, "0s")]
    #[case(850, "850µs")]
    #[case(1_000, "1.00ms")]
    #[case(12_345, "12.3ms")]
    #[case(999_499, "999ms")]
    #[case(999_500, "1.00s")]
    #[case(1_500_159, "1.50s")]
    #[case(9_994_000, "9.99s")]
    #[case(9_995_000, "10.0s")]
    #[case(41_234_567, "41.2s")]
    #[case(59_949_999, "59.9s")]
    #[case(59_950_000, "1m")]
    #[case(90_000_000, "1m30s")]
    #[case(125_400_000, "2m05s")]
    #[case(300_000_000, "5m")]
    #[case(3_599_600_000, "1h")]
    #[case(3_725_000_000, "1h02m")]
    fn durations(#[case] us: u64, #[case] text: &str) {
        assert_eq!(duration(us), text);
    }

    #[rstest]
    #[case(0, "$0")]
    #[case(123, "$0.000123")]
    #[case(12_345, "$0.0123")]
    #[case(385_000, "$0.385")]
    #[case(1_540_000, "$1.54")]
    #[case(120_400_000, "$120.40")]
    fn money(#[case] micro_usd: u64, #[case] text: &str) {
        assert_eq!(usd(micro_usd), text);
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line("a\n  b", 10), "a b");
        assert_eq!(one_line("abcdefghij", 6), "abc...");
    }

    proptest! {
        #[test]
        fn no_duration_claims_more_than_three_digits_below_a_minute(us in 1_u64..59_000_000) {
            let text = duration(us);
            prop_assert!(text.chars().filter(char::is_ascii_digit).count() <= 3, "{}", text);
        }

        #[test]
        fn a_printed_duration_is_within_its_resolution(us in 1_u64..59_000_000) {
            let span: harness_units::Span = duration(us).parse().unwrap();
            let error = span.as_micros().abs_diff(us) as f64 / us as f64;
            prop_assert!(error <= 0.0051, "{} {}", us, span);
        }
    }
}
