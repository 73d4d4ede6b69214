//! Disruption budgets: what they say, and when they say nothing.
//!
//! Source: `Budget` and `GetAllowedDisruptionsByReason` in pkg/apis/v1/nodepool.go of sigs.k8s.io/karpenter v1.14.0.

use std::sync::LazyLock;

use regex::Regex;

use super::cron::{Schedule, always_active};
use super::given;
use super::pool::spelling;
use crate::finding::Finding;
use crate::object::Object;
use harness_yaml::Node;

const RULE: &str = "budgets";
const REASONS: [&str; 3] = ["Underutilized", "Empty", "Drifted"];

pub(super) fn are_well_formed(object: &Object<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for budget in object.node.items_at(&["spec", "disruption", "budgets"]) {
        // Without `nodes` a budget has the CRD's default, 10%.
        let nodes = given(budget.get("nodes"));
        let text = nodes.and_then(Node::scalar).unwrap_or_default();
        let mark = nodes.map_or(budget.mark, |nodes| nodes.mark);
        let percent = text.strip_suffix('%').is_some_and(|number| number.parse::<u8>().is_ok_and(|value| value <= 100));
        let count = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let quoted = nodes.is_none_or(|node| node.text().is_some());
        if nodes.is_some() && !percent && !count {
            let message = format!("`nodes` of a budget is `{text}`");
            findings.push(object.refused(RULE, mark, message, "write a count (\"5\") or a percentage (\"10%\")"));
        } else if !quoted {
            let message = format!("`nodes` of a budget is the number {text}, where a text is expected");
            let (fix, edits) = nodes.map(|nodes| object.as_text(nodes)).unwrap_or_default();
            findings.push(object.refused(RULE, mark, message, fix).edits(edits));
        }
        let (schedule, duration) = (given(budget.get("schedule")), given(budget.get("duration")));
        if schedule.is_some() != duration.is_some() {
            let message = "a budget has both `schedule` and `duration`, or neither";
            findings.push(object.refused(RULE, budget.mark, message, "add the other one"));
        }
        if ["0", "0%"].contains(&text.as_str()) && schedule.is_none() && budget.get("reasons").is_none() {
            let finding = object
                .warning("budget-blocks-always", mark, "this budget has no schedule and allows no disruption")
                .effect("the smallest budget wins: nothing of this pool is ever consolidated or replaced for drift, whatever the other budgets say")
                .fix("give it `schedule` and `duration`, or remove it");
            findings.push(finding);
        }
        for reason in budget.items_at(&["reasons"]) {
            findings.extend(spelling(object, RULE, "reasons", reason, &REASONS));
        }
        findings.extend(schedule.and_then(|schedule| readable(object, schedule)));
    }
    findings
}

/// The pattern of the CRD. What it refuses never gets to Karpenter.
static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(@(annually|yearly|monthly|weekly|daily|midnight|hourly))|((.+)\s(.+)\s(.+)\s(.+)\s(.+))$").ok()
});

/// A schedule that the CRD takes and Karpenter cannot read, or that no time matches.
fn readable(object: &Object<'_>, schedule: &Node) -> Option<Finding> {
    let text = schedule.text().filter(|text| PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(text)))?;
    let known = match Schedule::parse(text) {
        Ok(known) => known,
        Err(why) => {
            let message = format!("Karpenter cannot read the schedule `{text}`: {why}");
            let finding = object
                .error("budget-schedule", schedule.mark, message)
                .effect("the API server takes it, and Karpenter allows nothing then: no node of this pool is ever consolidated or replaced for drift, whatever the other budgets say")
                .fix("write minute, hour, day of the month, month and day of the week (Sunday is 0) in UTC, such as `0 9 * * mon-fri`, or a name such as `@daily`");
            return Some(finding);
        }
    };
    known.never_hits().then(|| {
        object
            .warning("budget-schedule", schedule.mark, format!("no time ever matches the schedule `{text}`"))
            .effect("Karpenter takes a budget whose schedule has no next hit for one that is always active")
            .fix("name a day that there is, or leave out `schedule` and `duration`")
    })
}

/// Minutes of a duration as the CRD writes it: `8h`, `30m`, `8h30m`, each with `0s` behind it or without.
fn minutes(text: &str) -> Option<u64> {
    let text = text.strip_suffix("0s").unwrap_or(text);
    let (hours, rest): (Option<u64>, &str) =
        text.split_once('h').map_or((Some(0), text), |(hours, rest)| (hours.parse().ok(), rest));
    let rest = if rest.is_empty() { Some(0) } else { rest.strip_suffix('m').and_then(|minutes| minutes.parse().ok()) };
    hours?.checked_mul(60)?.checked_add(rest?)
}

/// Pools whose budgets all have a schedule: outside of their windows nothing is restricted.
pub(super) fn hold_outside_of_windows(object: &Object<'_>) -> Vec<Finding> {
    unlimited(object).into_iter().collect()
}

fn unlimited(object: &Object<'_>) -> Option<Finding> {
    let budgets = object.node.items_at(&["spec", "disruption", "budgets"]);
    let open: Vec<(&str, &Node)> =
        REASONS.into_iter().filter_map(|reason| Some((reason, outside(budgets, reason)?))).collect();
    let (_, schedule) = open.first()?;
    let reasons: Vec<&str> = open.iter().map(|(reason, _)| *reason).collect();
    let of_reasons = if reasons.len() == REASONS.len() {
        String::new()
    } else {
        format!(" for the reason {}", reasons.join(" or "))
    };
    let message =
        format!("outside of the windows of its budgets nothing limits the disruption of this pool{of_reasons}");
    Some(
        object
            .warning("budget-windows", schedule.mark, message)
            .effect("a budget restricts only while it is active: at any other time Karpenter may disrupt every node at once, and the default of 10% holds only for a pool without budgets")
            .fix("add a budget without a schedule, such as `nodes: \"10%\"`: of those that are active the smallest wins"),
    )
}

/// The schedule of the first budget that applies to a reason, where all that do have one and there is a time that none of them covers.
fn outside<'n>(budgets: &'n [Node], reason: &str) -> Option<&'n Node> {
    let applies = |budget: &&Node| match given(budget.get("reasons")) {
        Some(reasons) => reasons.items().iter().any(|one| one.text() == Some(reason)),
        None => true,
    };
    let applying: Vec<&Node> = budgets.iter().filter(applies).collect();
    let windows: Option<Vec<(Schedule, u64)>> = applying
        .iter()
        .map(|budget| {
            let schedule = Schedule::parse(given(budget.get("schedule"))?.text()?).ok()?;
            Some((schedule, minutes(given(budget.get("duration"))?.text()?)?))
        })
        .collect();
    if always_active(&windows?) {
        return None;
    }
    applying.first()?.get("schedule")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn pool(budgets: &str) -> Object<'static> {
        let text = format!(
            "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {{name: a}}\nspec: {{disruption: {{budgets: {budgets}}}}}\n"
        );
        let node = harness_yaml::documents_of(&text, 0).unwrap().remove(0);
        Object { file: "a.yaml", node, files: crate::files::Files::none() }
    }

    /// Before, nothing was said of any of them.
    #[rstest]
    #[case("[{nodes: '1', schedule: '0 9 * * mon-fri', duration: 8h}]", Some("this pool"))]
    #[case("[{nodes: '0', schedule: '@daily', duration: 23h59m}]", Some("this pool"))]
    #[case("[{nodes: '1', schedule: '@daily', duration: 10m, reasons: [Drifted]}]", Some("for the reason Drifted"))]
    #[case(
        "[{nodes: '1', schedule: '@daily', duration: 1h, reasons: [Empty, Drifted]}, {nodes: '5', reasons: [Empty]}]",
        Some("for the reason Drifted")
    )]
    #[case::one_that_always_holds("[{nodes: '1', schedule: '@daily', duration: 8h}, {nodes: 10%}]", None)]
    #[case::the_default_of_nodes("[{nodes: '1', schedule: '@daily', duration: 8h}, {}]", None)]
    #[case::all_day("[{nodes: '1', schedule: '@daily', duration: 24h0s}]", None)]
    #[case::by_turns(
        "[{nodes: '1', schedule: '0 8 * * *', duration: 10h}, {nodes: '5', schedule: '0 18 * * *', duration: 14h}]",
        None
    )]
    #[case::not_read("[{nodes: '1', schedule: '0 9 * * 7', duration: 8h}]", None)]
    #[case::of_no_reason("[{nodes: '1', schedule: '@daily', duration: 8h, reasons: []}]", None)]
    #[case("[]", None)]
    fn budgets_restrict_only_inside_of_their_windows(#[case] budgets: &str, #[case] expected: Option<&str>) {
        let found = unlimited(&pool(budgets)).map(|finding| finding.message);
        assert_eq!(found.is_some(), expected.is_some(), "{found:?}");
        assert!(found.unwrap_or_default().ends_with(expected.unwrap_or_default()));
    }

    #[rstest]
    #[case("[{nodes: '1', schedule: '0 9 * * 7', duration: 8h}]", "error budget-schedule")]
    #[case("[{nodes: '1', schedule: 'TZ=UTC 0 9 * * 1', duration: 8h}]", "error budget-schedule")]
    #[case("[{nodes: '1', schedule: '0 9 31 2 *', duration: 8h}]", "warning budget-schedule")]
    #[case::the_schema_says_so("[{nodes: '1', schedule: '0 9 * *', duration: 8h}]", "")]
    #[case("[{nodes: '1', schedule: '@weekly', duration: 8h}]", "")]
    #[case::the_default_of_nodes("[{}, {nodes: null}]", "")]
    #[case("[{nodes: 5}]", "error budgets")]
    fn schedules_are_read_as_karpenter_reads_them(#[case] budgets: &str, #[case] expected: &str) {
        let found = are_well_formed(&pool(budgets));
        let found: Vec<String> = found.iter().map(|found| format!("{} {}", found.severity, found.rule)).collect();
        assert_eq!(found.join(", "), expected);
    }

    #[rstest]
    #[case("8h", Some(480))]
    #[case("8h30m", Some(510))]
    #[case("30m0s", Some(30))]
    #[case("100m", Some(100))]
    #[case("10h0s", Some(600))]
    #[case("8d", None)]
    fn durations_are_in_minutes(#[case] text: &str, #[case] expected: Option<u64>) {
        assert_eq!(minutes(text), expected);
    }
}
