//! Commits and force-pushes.

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Arrival, TreeEdit, Trigger};

/// More commits of one action than this are a typing error: each is a push of its own.
const COMMITS_MAX: u32 = 1_000;

/// More objects of one commit than this do not fit into the file that a pull request shows, and etcd holds them for nothing.
const OBJECTS_MAX: u32 = 10_000;

/// A commit, or several. In a plan: one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Commit {
    /// What it changes. `{cron+1m}` expands to a cron expression for one minute after the push.
    pub edits: Vec<TreeEdit>,
    /// The first line of its message (default: the phase's name).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How Flux comes to know of it (default: annotation).
    pub trigger: Trigger,
    /// Many similar objects that it adds, after the edits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_many: Vec<AddMany>,
    /// The number of commits (default: one). `{n}` in the texts of the edits and in the message is the number of the commit, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// When each of them is due (default: burst). One is pushed after another: a push that has not been answered holds up the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
}

/// Many similar objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddMany {
    /// The object. `{n}` in any of its texts becomes the number of the copy, from 1; its name must have one.
    pub object: serde_json::Value,
    /// How many.
    pub count: u32,
}

/// History that is rewritten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForcePush {
    /// How many of the run's newest commits are dropped (default: 1).
    #[serde(default = "crate::defaults::one")]
    pub back: u32,
    /// What the commit in their place changes.
    #[serde(default)]
    pub edits: Vec<TreeEdit>,
    /// The first line of its message (default: the phase's name).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Commit {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.edits.is_empty() && self.add_many.is_empty() {
            found.push(Problem::new(&[], "this commit changes nothing", "give `edits` or `addMany`"));
        }
        found.extend(self.times.and_then(|times| number(&["times"], times, COMMITS_MAX, "commits")));
        for (index, many) in self.add_many.iter().enumerate() {
            found.extend(number(&["addMany", &index.to_string(), "count"], many.count, OBJECTS_MAX, "objects"));
        }
        if self.arrival.is_some() && self.times.is_none() {
            let hint = "say how many commits: `times: 50`";
            found.push(Problem::new(&["arrival"], "one commit has no arrival", hint));
        }
        let arrival = self.arrival.iter().flat_map(Arrival::problems);
        found.extend(arrival.map(|problem| problem.under("arrival")));
        // Commits that are all the same add the same object twice, or change nothing after the first.
        let differ = self.edits.iter().any(|edit| edit.numbered(1) != edit.numbered(2));
        if self.times.is_some_and(|times| times > 1) && (!differ || !self.add_many.is_empty()) {
            let hint = "write `{n}` where the number of the commit belongs";
            found.push(Problem::new(&[], "all of these commits make the same change", hint));
        }
        found
    }
}

impl ForcePush {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let hint = "drop at least one commit, or use `commit`";
        (self.back == 0).then(|| Problem::new(&["back"], "this rewrites no history", hint)).into_iter().collect()
    }
}

fn number(path: &[&str], value: u32, most: u32, what: &str) -> Option<Problem> {
    let message = match value {
        0 => format!("0 {what}"),
        value if value > most => format!("{value} {what} are more than this is made for"),
        _ => return None,
    };
    Some(Problem::new(path, message, format!("give 1 to {most}")))
}
