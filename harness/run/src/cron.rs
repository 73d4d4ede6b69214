//! `{cron+1m}`: a cron expression that means "in a minute", known only at the moment of a push.

use harness_units::Span;
use jiff::Timestamp;
use jiff::tz::TimeZone;

const OPENING: &str = "{cron";

/// Replaces each `{cron+1m}` and `{cron-2m}` by the expression `M H * * *` of that minute, in UTC as Karpenter reads the schedules of
/// budgets. Seconds are cut off: what is a minute away by the clock on the wall may be a second away in fact.
///
/// # Errors
/// In words: what stands between the braces is no length of time.
pub(crate) fn fill_schedules(text: &str, now: Timestamp) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OPENING) {
        let (before, placeholder) = rest.split_at(at);
        filled.push_str(before);
        let end = placeholder.find('}').ok_or_else(|| wrong(placeholder))?;
        let (placeholder, after) = placeholder.split_at(end + 1);
        filled.push_str(&expression(placeholder, now).ok_or_else(|| wrong(placeholder))?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn expression(placeholder: &str, now: Timestamp) -> Option<String> {
    let inner = placeholder.strip_prefix(OPENING)?.strip_suffix('}')?;
    let minute = if let Some(later) = inner.strip_prefix('+') {
        now.checked_add(later.parse::<Span>().ok()?.as_duration()).ok()?
    } else {
        now.checked_sub(inner.strip_prefix('-')?.parse::<Span>().ok()?.as_duration()).ok()?
    };
    let minute = minute.to_zoned(TimeZone::UTC);
    Some(format!("{} {} * * *", minute.minute(), minute.hour()))
}

fn wrong(placeholder: &str) -> String {
    let placeholder: String = placeholder.chars().take(40).collect();
    format!("`{placeholder}` is not a time: write {{cron+1m}} or {{cron-2m}}, with the time from the push")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("schedule: \"{cron+1m}\"", "schedule: \"0 0 * * *\"")]
    #[case("{cron-1h30m} and {cron+0s}", "29 22 * * * and 59 23 * * *")]
    #[case("nothing {here} to fill", "nothing {here} to fill")]
    fn a_placeholder_becomes_its_minute(#[case] text: &str, #[case] expected: &str) {
        let now = "2026-03-01T23:59:59Z".parse().unwrap();
        assert_eq!(fill_schedules(text, now).unwrap(), expected);
    }

    #[rstest]
    #[case("{cron}")]
    #[case("{cron+soon}")]
    #[case("{cron+1m")]
    #[case("{cronx+1m}")]
    fn what_is_no_time_is_refused(#[case] text: &str) {
        assert!(fill_schedules(text, Timestamp::UNIX_EPOCH).unwrap_err().contains("is not a time"));
    }
}
