//! Figures as people read them.

use crate::latency::Percentile;

/// A duration in three digits or so: `812ms`, `41.2s`, `3m12s`, `1h02m`.
pub fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}us"),
        1_000..10_000 => format!("{:.1}ms", us as f64 / 1e3),
        10_000..1_000_000 => format!("{}ms", us / 1_000),
        1_000_000..60_000_000 => format!("{:.1}s", (us / 100_000) as f64 / 10.0),
        60_000_000..3_600_000_000 => format!("{}m{:02}s", us / 60_000_000, us / 1_000_000 % 60),
        _ => format!("{}h{:02}m", us / 3_600_000_000, us / 60_000_000 % 60),
    }
}

/// A percentile: `41.2s`, or `> 41.2s` where only a bound is known.
pub fn percentile(percentile: Percentile) -> String {
    match percentile {
        Percentile::Measured(us) => duration(us),
        Percentile::Beyond(us) => format!("> {}", duration(us)),
    }
}

/// `1 pod`, `2 pods`.
pub(crate) fn count(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The first few, and how many more.
pub(crate) fn some(texts: &[String], most: usize) -> String {
    let shown = texts.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match texts.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Cuts a text to one line of at most so many characters.
pub(crate) fn line(text: &str, most: usize) -> String {
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
    use rstest::rstest;

    #[rstest]
    #[case(0, "0us")]
    #[case(999, "999us")]
    #[case(1_500, "1.5ms")]
    #[case(812_999, "812ms")]
    #[case(41_290_000, "41.2s")]
    #[case(59_999_999, "59.9s")]
    #[case(60_000_000, "1m00s")]
    #[case(192_000_000, "3m12s")]
    #[case(3_720_000_000, "1h02m")]
    fn reads_well(#[case] us: u64, #[case] text: &str) {
        assert_eq!(duration(us), text);
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line("a\n  b", 10), "a b");
        assert_eq!(line("abcdefghij", 6), "abc...");
    }
}
