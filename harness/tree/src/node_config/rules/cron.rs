//! Schedules as Karpenter reads those of budgets: `cron.ParseStandard` with `TZ=UTC` in front.
//!
//! Source: `parser.go` and `spec.go` of github.com/robfig/cron/v3 v3.0.1; `Budget.IsActive` in pkg/apis/v1/nodepool.go of
//! sigs.k8s.io/karpenter v1.14.0. Other readers of cron differ: most take 7 for Sunday.

use jiff::civil::{Date, date};

/// A schedule without seconds, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
}

/// Set where a field begins with a star and has no step above 1: such a field does not choose days.
const STAR: u64 = 1 << 63;

/// What a field may hold.
struct Bounds {
    what: &'static str,
    min: u32,
    max: u32,
    /// The names of the values from `min` on.
    names: &'static [&'static str],
}

const MINUTE: Bounds = Bounds { what: "minute", min: 0, max: 59, names: &[] };
const HOUR: Bounds = Bounds { what: "hour", min: 0, max: 23, names: &[] };
const DAY: Bounds = Bounds { what: "day of the month", min: 1, max: 31, names: &[] };
const MONTH: Bounds = Bounds {
    what: "month",
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Bounds =
    Bounds { what: "day of the week", min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

const DESCRIPTORS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Schedule {
    /// Reads a schedule. `@every`, which the CRD does not take, is not one.
    ///
    /// # Errors
    /// Why Karpenter cannot read it, as the rest of a sentence about it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with('@') {
            let known = DESCRIPTORS.iter().find(|(name, _)| *name == text);
            return known.ok_or_else(|| format!("there is no `{text}`")).and_then(|(_, meaning)| Self::parse(meaning));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!("it has {} fields instead of 5", fields.len()));
        };
        Ok(Self {
            minute: field(minute, &MINUTE)?,
            hour: field(hour, &HOUR)?,
            day: field(day, &DAY)?,
            month: field(month, &MONTH)?,
            weekday: field(weekday, &WEEKDAY)?,
        })
    }

    fn is_on(&self, day: Date) -> bool {
        let has = |bits: u64, value: i8| u32::try_from(value).is_ok_and(|value| bits & (1 << value) != 0);
        let (by_day, by_weekday) = (has(self.day, day.day()), has(self.weekday, day.weekday().to_sunday_zero_offset()));
        let both = (self.day | self.weekday) & STAR != 0;
        has(self.month, day.month()) && if both { by_day && by_weekday } else { by_day || by_weekday }
    }

    /// The minutes of a day on which it hits, in order.
    fn minutes(&self) -> impl Iterator<Item = u64> {
        let hours = (0..24).filter(|hour| self.hour & (1 << hour) != 0);
        hours.flat_map(|hour| {
            (0..60).filter(|minute| self.minute & (1 << minute) != 0).map(move |minute| hour * 60 + minute)
        })
    }

    /// Whether no time ever matches it, such as February 30.
    pub(super) fn never_hits(&self) -> bool {
        self.minutes().next().is_none() || !days().any(|(_, day)| self.is_on(day))
    }

    /// The spans in which a budget that lasts `minutes` from each hit is active, in minutes from the start of [`days`] and without their ends.
    fn windows(&self, minutes: u64) -> Vec<(u64, u64)> {
        // Of one day, since hits are dense where they are many.
        let mut of_day: Vec<(u64, u64)> = Vec::new();
        for hit in self.minutes() {
            match of_day.last_mut().filter(|(_, end)| *end >= hit) {
                Some((_, end)) => *end = hit + minutes,
                None => of_day.push((hit, hit + minutes)),
            }
        }
        let hits = days().filter(|(_, day)| self.is_on(*day));
        hits.flat_map(|(index, _)| {
            of_day.iter().map(move |(start, end)| (index * DAY_MINUTES + start, index * DAY_MINUTES + end))
        })
        .collect()
    }
}

const DAY_MINUTES: u64 = 24 * 60;

/// The days of a leap year and of the three after it, after which they repeat but for the days of the week.
fn days() -> impl Iterator<Item = (u64, Date)> {
    (0..).zip(date(2024, 1, 1).series(jiff::ToSpan::days(1)).take_while(|day| day.year() < 2028))
}

/// Whether at any time one of these budgets is active, each with its schedule and how many minutes it lasts from each hit.
pub(super) fn always_active(budgets: &[(Schedule, u64)]) -> bool {
    // `Next` of such a schedule is the zero time, which is never after the present.
    if budgets.iter().any(|(schedule, _)| schedule.never_hits()) {
        return true;
    }
    let mut windows: Vec<(u64, u64)> =
        budgets.iter().flat_map(|(schedule, minutes)| schedule.windows(*minutes)).collect();
    windows.sort_unstable();
    // The windows of the first year may have begun before it.
    let (start, end) = (366 * DAY_MINUTES, days().count() as u64 * DAY_MINUTES);
    let covered =
        windows.iter().fold(start, |covered, (from, to)| if *from <= covered { covered.max(*to) } else { covered });
    covered >= end
}

/// `getField`: a list of ranges, in which empty ones are left out.
fn field(text: &str, bounds: &Bounds) -> Result<u64, String> {
    text.split(',').filter(|range| !range.is_empty()).try_fold(0, |bits, one| Ok(bits | range(one, bounds)?))
}

/// `getRange`: `5`, `5-7`, `*`, each with `/2` or without.
fn range(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let what = bounds.what;
    let parts: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = parts[0].split('-').collect();
    let any = ["*", "?"].contains(&ends[0]);
    let (start, mut end) = if any {
        (bounds.min, bounds.max)
    } else {
        let start = value(ends[0], bounds)?;
        match ends.as_slice() {
            [_] => (start, start),
            [_, end] => (start, value(end, bounds)?),
            _ => return Err(format!("the {what} `{text}` has more than one hyphen")),
        }
    };
    let step = match parts.as_slice() {
        [_] => 1,
        [_, step] => {
            // `5/10` is from 5 on.
            if ends.len() == 1 {
                end = bounds.max;
            }
            number(step).ok_or_else(|| format!("the step `{step}` of the {what} is not a number"))?
        }
        _ => return Err(format!("the {what} `{text}` has more than one slash")),
    };
    let (min, max) = (bounds.min, bounds.max);
    if start < min {
        return Err(format!("the {what} {start} is below {min}"));
    }
    if end > max {
        return Err(format!("the {what} {end} is above {max}"));
    }
    if start > end {
        return Err(format!("the {what} `{text}` ends before it starts"));
    }
    if step == 0 {
        return Err(format!("the step of the {what} `{text}` is 0"));
    }
    let bits = (start..=end).step_by(step as usize).fold(0, |bits, value| bits | 1 << value);
    Ok(if any && step == 1 { bits | STAR } else { bits })
}

fn value(text: &str, bounds: &Bounds) -> Result<u32, String> {
    let named = (bounds.min..).zip(bounds.names).find(|(_, name)| name.eq_ignore_ascii_case(text));
    named.map(|(value, _)| value).or_else(|| number(text)).ok_or_else(|| {
        let names = if bounds.names.is_empty() { "" } else { " nor a name of three letters" };
        format!("`{text}` in the {} is not a number{names}", bounds.what)
    })
}

/// `strconv.Atoi` for what is not negative.
fn number(text: &str) -> Option<u32> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const fn bounds(min: u32, max: u32) -> Bounds {
        Bounds { what: "field", min, max, names: &[] }
    }

    /// The facts of `TestRange` and `TestField` in robfig's parser_test.go.
    #[rstest]
    #[case("5", bounds(0, 7), &[5], false)]
    #[case("7", bounds(0, 7), &[7], false)]
    #[case("5-5", bounds(0, 7), &[5], false)]
    #[case("5-7", bounds(0, 7), &[5, 6, 7], false)]
    #[case("5-6/2", bounds(0, 7), &[5], false)]
    #[case("5-7/2", bounds(0, 7), &[5, 7], false)]
    #[case("5-7/1", bounds(0, 7), &[5, 6, 7], false)]
    #[case("*", bounds(1, 3), &[1, 2, 3], true)]
    #[case("?", bounds(1, 3), &[1, 2, 3], true)]
    #[case("*/1", bounds(1, 3), &[1, 2, 3], true)]
    #[case("*/2", bounds(1, 3), &[1, 3], false)]
    #[case("2/2", bounds(0, 7), &[2, 4, 6], false)]
    #[case("1,5-7/2,3", bounds(1, 7), &[1, 3, 5, 7], false)]
    #[case(",5,,6", bounds(0, 7), &[5, 6], false)]
    #[case(",", bounds(0, 7), &[], false)]
    #[case("*-5", bounds(0, 7), &[0, 1, 2, 3, 4, 5, 6, 7], true)]
    #[case("+5", bounds(0, 7), &[5], false)]
    fn fields_are_those_of_robfig(
        #[case] text: &str,
        #[case] within: Bounds,
        #[case] values: &[u32],
        #[case] star: bool,
    ) {
        let bits = values.iter().fold(if star { STAR } else { 0 }, |bits, value| bits | 1 << value);
        assert_eq!(field(text, &within), Ok(bits));
    }

    #[rstest]
    #[case("5--5", bounds(0, 59), "hyphen")]
    #[case("2-x", bounds(1, 5), "not a number")]
    #[case("*/-12", bounds(0, 59), "not a number")]
    #[case("*//2", bounds(0, 59), "slash")]
    #[case("1", bounds(3, 5), "below 3")]
    #[case("6", bounds(3, 5), "above 5")]
    #[case("5-3", bounds(3, 5), "ends before")]
    #[case("*/0", bounds(0, 59), "is 0")]
    #[case("", bounds(0, 59), "")]
    fn errors_are_those_of_robfig(#[case] text: &str, #[case] within: Bounds, #[case] why: &str) {
        match field(text, &within) {
            Err(error) => assert!(error.contains(why) && !why.is_empty(), "{error}"),
            Ok(bits) => assert!(why.is_empty() && bits == 0),
        }
    }

    /// Each was tried with `cron.ParseStandard("TZ=UTC " + text)`.
    #[rstest]
    #[case("0 9 * * mon-fri", true)]
    #[case("0 9 * JAN,Dec sun", true)]
    #[case("  0  9 * *\t1-5 ", true)]
    #[case("*/15 * ? * *", true)]
    #[case("@daily", true)]
    #[case("@annually", true)]
    #[case::sunday_is_0("0 9 * * 7", false)]
    #[case("0 9 * * 5-7", false)]
    #[case("0 9 * * fri-sun", false)]
    #[case("0 9 * * monday", false)]
    #[case("0 9 * * 1#2", false)]
    #[case("0 9 L * *", false)]
    #[case("60 9 * * *", false)]
    #[case("0 24 * * *", false)]
    #[case("0 9 0 * *", false)]
    #[case("0 9 * 13 *", false)]
    #[case::seconds("0 0 9 * * *", false)]
    #[case::four("0 9 * *", false)]
    #[case::a_zone("CRON_TZ=Europe/Berlin 0 9 * * *", false)]
    #[case("@Daily", false)]
    #[case("@daily at noon", false)]
    #[case("@reboot", false)]
    #[case("", false)]
    fn schedules_are_those_of_parse_standard(#[case] text: &str, #[case] right: bool) {
        assert_eq!(Schedule::parse(text).is_ok(), right, "{:?}", Schedule::parse(text));
    }

    #[rstest]
    #[case("0 0 30 2 *", true)]
    #[case("0 0 31 4,6,9,11 *", true)]
    #[case::or_a_monday("0 0 30 2 1", false)]
    #[case::leap_years("0 0 29 2 *", false)]
    #[case("0 0 * * ,", true)]
    fn some_schedules_never_hit(#[case] text: &str, #[case] never: bool) {
        assert_eq!(Schedule::parse(text).unwrap().never_hits(), never);
    }

    #[rstest]
    #[case(&[("@daily", 24 * 60)], true)]
    #[case(&[("@daily", 24 * 60 - 1)], false)]
    #[case(&[("@hourly", 60)], true)]
    #[case(&[("*/5 * * * *", 4)], false)]
    #[case(&[("0 8 * * *", 600), ("0 18 * * *", 840)], true)]
    #[case(&[("0 8 * * mon-fri", 600), ("0 18 * * *", 840)], false)]
    #[case(&[("0 0 * * sat", 2 * 1440), ("0 0 * * mon", 5 * 1440)], true)]
    #[case(&[("@monthly", 31 * 1440)], true)]
    #[case(&[("@monthly", 30 * 1440)], false)]
    #[case(&[("@weekly", 0)], false)]
    #[case(&[("0 0 30 2 *", 5)], true)]
    fn windows_cover_all_time_or_do_not(#[case] budgets: &[(&str, u64)], #[case] always: bool) {
        let budgets: Vec<(Schedule, u64)> =
            budgets.iter().map(|(text, minutes)| (Schedule::parse(text).unwrap(), *minutes)).collect();
        assert_eq!(always_active(&budgets), always);
    }
}
