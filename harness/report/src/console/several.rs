//! Several scenarios: a line when one has ended, and the table at the end.

use harness_record::ExitCode;

use super::paint::Paint;
use super::table::{self, Align};
use crate::index::repeated;
use crate::outcome;
use crate::several::SuiteEntry;
use crate::text;

/// Reasons that are printed with a scenario that has ended; the rest is in its report.
const REASONS: usize = 3;
/// The start of each reason.
const BULLET: &str = "      - ";

/// The outcome of one run, in lines: the verdict, and reasons where it did not pass. Without a newline at the end.
pub fn ended(entry: &SuiteEntry<'_>, width: usize, colour: bool) -> String {
    let paint = Paint { colour };
    let (word, tone) = entry.word();
    let took = entry.took_us().map_or(String::new(), |us| format!(" in {}", text::duration(us)));
    let badge = paint.badge(tone, &format!("{} {}", outcome::sign(tone), word.to_uppercase()));
    let mut lines = vec![format!("{}: {badge}{took}", paint.bold(entry.name))];
    for reason in entry.reasons().iter().take(REASONS) {
        let wrapped = table::wrap(reason, width.max(40).saturating_sub(BULLET.len()), 0);
        lines.extend(wrapped.iter().enumerate().map(|(index, line)| {
            let front = if index == 0 { BULLET.to_owned() } else { " ".repeat(BULLET.len()) };
            format!("{front}{line}")
        }));
    }
    lines.join("\n")
}

/// All of them as a table of lines of at most `width` characters, of scenarios that ran more than once how the runs differ, and a last line that counts
/// them. With a newline at its end.
pub fn several(all: &[SuiteEntry<'_>], took_us: u64, exit_code: ExitCode, width: usize, colour: bool) -> String {
    let paint = Paint { colour };
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|entry| {
            let (word, tone) = entry.word();
            vec![
                format!("{} {}", outcome::sign(tone), word.to_lowercase()),
                entry.name.to_owned(),
                entry.group.to_owned(),
                entry.took_us().map_or_else(|| text::NONE.to_owned(), text::duration),
                entry.exit_code.to_string(),
                entry.reasons().into_iter().next().unwrap_or_default(),
            ]
        })
        .collect();
    let header = ["", "SCENARIO", "GROUP", "TOOK", "EXIT", "WHY"];
    let align = [Align::Fixed, Align::Fixed, Align::Fixed, Align::Right, Align::Right, Align::Left];
    let badge_width = rows.iter().filter_map(|row| row.first()).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let mut out = table::painted(&header, &align, &rows, width.max(40), paint, |number, line| {
        let (front, rest) = table::split(&line, badge_width);
        all.get(number).map_or(line.clone(), |entry| format!("{}{rest}", paint.verdict(entry.word().1, front)))
    });
    for scenario in repeated(all) {
        out.push(String::new());
        out.push(paint.bold(&scenario.title()));
        let rows: Vec<Vec<String>> =
            scenario.lines().into_iter().map(|line| vec![line.name, line.median, line.range, line.scatter]).collect();
        let header = ["RUN TO RUN", "MEDIAN", "FROM, TO", "SCATTER"];
        let align = [Align::Left, Align::Right, Align::Right, Align::Right];
        out.extend(table::lines(&header, &align, &rows, width.max(40)));
    }
    let passed = all.iter().filter(|entry| entry.exit_code == ExitCode::Passed).count();
    out.push(String::new());
    out.push(format!("{passed} of {} passed, took {}, exit code {exit_code}", all.len(), text::duration(took_us)));
    out.push(String::new());
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::several::{EntryIssue, EntryOutcome, junit};

    fn not_run<'a>(name: &'a str, why: &'a str, issues: &'a [EntryIssue], exit_code: ExitCode) -> SuiteEntry<'a> {
        SuiteEntry { name, group: "cost", outcome: EntryOutcome::NotRun(why), issues, exit_code }
    }

    #[test]
    fn what_was_not_run_says_why() {
        let issues = [EntryIssue {
            exit_code: ExitCode::LeftBehind,
            what: "after the run the cluster still had: NodeClaim a".to_owned(),
        }];
        let all = [
            not_run("spot", "needs metrics-api", &[], ExitCode::Inconclusive),
            not_run("expiry", "no log", &issues, ExitCode::LeftBehind),
        ];
        assert_eq!(ended(&all[0], 80, false), "spot: ? NOT RUN\n      - not run: needs metrics-api");
        let table = several(&all, 61_000_000, ExitCode::LeftBehind, 90, false);
        let lines: Vec<&str> = table.lines().collect();
        assert!(
            lines[1].starts_with("? not run      spot") && lines[1].ends_with("not run: needs metrics-api"),
            "{table}"
        );
        assert!(lines[2].starts_with("\u{2717} left behind  expiry"), "{table}");
        assert!(lines[2].contains("  5  after the run the cluster still had: "), "{table}");
        assert!(lines.iter().all(|line| line.chars().count() <= 90), "{table}");
        assert_eq!(lines.last(), Some(&"0 of 2 passed, took 1m01s, exit code 5"));
        let xml = junit("all", &all).unwrap();
        assert!(xml.contains("tests=\"3\"") && xml.contains("failures=\"1\"") && xml.contains("errors=\"2\""), "{xml}");
    }
}
