//! The table: what became of each spec, as Markdown and as JSON, with totals and the exit code.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use strum::{Display, EnumIter, IntoEnumIterator as _};

use crate::record::{Outcome, Record};
use crate::spec::Spec;

/// What became of a spec, given what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Display, EnumIter)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Standing {
    Passed,
    Failed,
    Skipped,
    /// It needs a data plane.
    NotApplicable,
    /// It is on the list of those that need a data plane, and passes.
    PassedThoughListed,
    NotRun,
}

/// One spec.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    suite: String,
    spec: String,
    location: String,
    standing: Standing,
    seconds: Option<f64>,
    reason: Option<String>,
}

impl Row {
    /// Of a spec, its result, and what it needs if it needs a data plane.
    pub(crate) fn new(spec: &Spec, record: Option<&Record>, needs: Option<&str>) -> Self {
        let standing = match (record.map(|record| record.outcome), needs) {
            (Some(Outcome::Passed), None) => Standing::Passed,
            (Some(Outcome::Passed), Some(_)) => Standing::PassedThoughListed,
            (Some(Outcome::Skipped), _) => Standing::Skipped,
            (Some(Outcome::Failed), None) => Standing::Failed,
            (None | Some(Outcome::Failed), Some(_)) => Standing::NotApplicable,
            (None, None) => Standing::NotRun,
        };
        let reason = record.and_then(|record| record.reason.as_deref());
        let needs = needs.filter(|_| standing != Standing::Skipped);
        let reasons: Vec<&str> = needs.into_iter().chain(reason).collect();
        Self {
            suite: spec.suite.clone(),
            spec: spec.text.clone(),
            location: spec.location(),
            standing,
            seconds: record.map(|record| record.seconds),
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        }
    }
}

/// A line of progress.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suite, spec, standing, .. } = self;
        write!(f, "{standing}: {suite}: {spec}")?;
        if let Some(seconds) = self.seconds {
            write!(f, " ({seconds:.0} s)")?;
        }
        self.reason.iter().try_for_each(|reason| write!(f, ": {reason}"))
    }
}

/// All specs that were asked for.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    /// The version of the controller's module.
    version: &'static str,
    totals: BTreeMap<Standing, usize>,
    specs: Vec<Row>,
}

impl Table {
    pub(crate) fn new(version: &'static str, specs: Vec<Row>) -> Self {
        let count = |standing| specs.iter().filter(|row| row.standing == standing).count();
        let totals = Standing::iter().map(|standing| (standing, count(standing))).filter(|(_, count)| *count > 0);
        Self { version, totals: totals.collect(), specs }
    }

    /// Whether a spec that needs no data plane failed or was not run.
    pub(crate) fn failed(&self) -> bool {
        self.totals.contains_key(&Standing::Failed) || self.totals.contains_key(&Standing::NotRun)
    }

    /// `72 passed, 11 failed`
    pub(crate) fn totals(&self) -> String {
        let all = self.totals.iter().map(|(standing, count)| format!("{count} {standing}"));
        all.collect::<Vec<_>>().join(", ")
    }

    /// Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut lines = vec![
            format!("End-to-end suites of karpenter-provider-azure {}: {}.", self.version, self.totals()),
            String::new(),
            "| suite | spec | result | seconds | reason |".to_owned(),
            "|---|---|---|--:|---|".to_owned(),
        ];
        lines.extend(self.specs.iter().map(|row| {
            let Row { suite, standing, location, .. } = row;
            let seconds = row.seconds.map(|seconds| format!("{seconds:.0}")).unwrap_or_default();
            let (spec, reason) = (cell(&row.spec), cell(row.reason.as_deref().unwrap_or_default()));
            format!("| {suite} | {spec} ({location}) | {standing} | {seconds} | {reason} |")
        }));
        lines.join("\n") + "\n"
    }
}

/// Text in a cell of a Markdown table, where `|` ends a cell and `<int>` is not shown.
fn cell(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;
    use crate::spec::tests::spec;
    use rstest::rstest;

    #[rstest]
    #[case(Some(Outcome::Passed), None, Standing::Passed)]
    #[case(Some(Outcome::Failed), None, Standing::Failed)]
    #[case(Some(Outcome::Skipped), None, Standing::Skipped)]
    #[case(None, None, Standing::NotRun)]
    #[case(None, Some("a kubelet"), Standing::NotApplicable)]
    #[case(Some(Outcome::Failed), Some("a kubelet"), Standing::NotApplicable)]
    #[case(Some(Outcome::Passed), Some("a kubelet"), Standing::PassedThoughListed)]
    #[case(Some(Outcome::Skipped), Some("a kubelet"), Standing::Skipped)]
    fn a_result_counts_by_what_the_spec_needs(
        #[case] outcome: Option<Outcome>,
        #[case] needs: Option<&str>,
        #[case] standing: Standing,
    ) {
        let result = outcome.map(|outcome| record("a", outcome, None));
        assert_eq!(Row::new(&spec("a", 94), result.as_ref(), needs).standing, standing);
    }

    fn rows(results: &[(Option<Record>, Option<&str>)]) -> Table {
        let row =
            |(record, needs): &(Option<Record>, Option<&str>)| Row::new(&spec("a|b", 94), record.as_ref(), *needs);
        Table::new("v1.14.0", results.iter().map(row).collect())
    }

    #[test]
    fn the_table_names_the_reason_and_fails_for_what_needs_no_data_plane() {
        let failed = record("a|b", Outcome::Failed, Some("Expected <int>: 2"));
        let table =
            rows(&[(Some(failed.clone()), None), (None, Some("a kubelet")), (Some(failed.clone()), Some("a kubelet"))]);
        assert!(table.failed());
        assert_eq!(table.totals(), "1 failed, 2 not-applicable");
        let text = table.markdown();
        let lines: Vec<&str> = text.lines().skip(4).collect();
        assert_eq!(lines[0], r"| drift | a\|b (suite_test.go:94) | failed | 62 | Expected &lt;int>: 2 |");
        assert_eq!(lines[1], r"| drift | a\|b (suite_test.go:94) | not-applicable |  | a kubelet |");
        assert!(lines[2].ends_with("| a kubelet; Expected &lt;int>: 2 |"), "{text}");
        let json = serde_json::to_value(&table).unwrap();
        assert_eq!(json["totals"], serde_json::json!({"failed": 1, "not-applicable": 2}));
        assert_eq!(json["specs"][1]["standing"], "not-applicable");
        assert!(!rows(&[(Some(failed), Some("a kubelet"))]).failed());
        assert!(rows(&[(None, None)]).failed());
    }
}
