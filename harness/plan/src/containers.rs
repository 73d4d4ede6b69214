//! What containers do once they are started.

use harness_units::Span;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the containers of a workload's pods do once they are started: its simulated kubelets have no program that could do it. Without any of it
/// they run and are Ready at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Containers {
    /// How long a pod runs before it is Ready, after each start (default: 0s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_after: Option<Span>,
    /// A pod runs and is never Ready, as where a readiness probe cannot pass (default: false).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub never_ready: bool,
    /// How long a container runs before it ends with an error, after each start; it is started again at once the first time, and then after 10 s, 20 s,
    /// 40 s, at most 5 minutes (default: it does not end).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_after: Option<Span>,
    /// How often a container ends with an error until it goes on running (default: always).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crashes: Option<u32>,
}

impl Containers {
    /// The annotations of a pod by which the simulated kubelets know it (`kind-config/kwok/stages.yaml`).
    pub fn annotations(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Self { ready_after, never_ready, crash_after, crashes } = self;
        let ready = if *never_ready { Some("never".to_owned()) } else { ready_after.map(|span| span.to_string()) };
        let crashes_first = matches!((ready_after, crash_after), (Some(ready), Some(crash)) if crash <= ready);
        // The kubelets count it from when the pod is Ready, if that comes first.
        let crash = match (ready_after, crash_after) {
            (Some(ready), Some(crash)) if !crashes_first => {
                Some(Span::from_micros(crash.as_micros() - ready.as_micros()))
            }
            _ => *crash_after,
        };
        let given = [
            ("kubelet.harness.dev/ready-after", ready),
            ("kubelet.harness.dev/crash-after", crash.map(|span| span.to_string())),
            ("kubelet.harness.dev/crashes-first", crashes_first.then(|| "true".to_owned())),
            ("kubelet.harness.dev/crashes", crashes.map(|times| times.to_string())),
        ];
        given.into_iter().filter_map(|(key, value)| Some((key, value?)))
    }

    /// What contradicts itself.
    pub fn problems(&self) -> Vec<Problem> {
        let Self { ready_after, never_ready, crash_after, crashes } = self;
        let mut found = Vec::new();
        if *never_ready && ready_after.is_some() {
            found.push(Problem::new(&["readyAfter"], "pods that are never Ready", "leave out one of the two"));
        }
        for (key, span) in [("readyAfter", ready_after), ("crashAfter", crash_after)] {
            if *span == Some(Span::ZERO) {
                found.push(Problem::new(&[key], "no time at all", "give a duration above 0s, or leave it out"));
            }
        }
        match crashes {
            Some(0) => found.push(Problem::new(&["crashes"], "a container that never crashes", "leave it out")),
            Some(_) if crash_after.is_none() => {
                found.push(Problem::new(&["crashes"], "when it crashes is not said", "give `crashAfter` too"));
            }
            _ => {}
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({"readyAfter": "20s"}), &[("kubelet.harness.dev/ready-after", "20s")])]
    #[case(json!({"neverReady": true}), &[("kubelet.harness.dev/ready-after", "never")])]
    #[case(json!({"crashAfter": "1m30s", "crashes": 3}), &[("kubelet.harness.dev/crash-after", "1m30s"), ("kubelet.harness.dev/crashes", "3")])]
    #[case(json!({"readyAfter": "5s", "crashAfter": "1m"}), &[("kubelet.harness.dev/ready-after", "5s"), ("kubelet.harness.dev/crash-after", "55s")])]
    #[case(
        json!({"readyAfter": "30s", "crashAfter": "10s", "crashes": 2}),
        &[
            ("kubelet.harness.dev/ready-after", "30s"), ("kubelet.harness.dev/crash-after", "10s"),
            ("kubelet.harness.dev/crashes-first", "true"), ("kubelet.harness.dev/crashes", "2"),
        ],
    )]
    #[case(json!({}), &[])]
    fn the_simulated_kubelets_read_it_from_annotations(
        #[case] json: serde_json::Value,
        #[case] expected: &[(&str, &str)],
    ) {
        let containers: Containers = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(containers.problems(), []);
        let written: Vec<(&str, String)> = containers.annotations().collect();
        let written: Vec<(&str, &str)> = written.iter().map(|(key, value)| (*key, value.as_str())).collect();
        assert_eq!(written, expected);
        assert_eq!(serde_json::to_value(&containers).unwrap(), json);
    }

    #[rstest]
    #[case(json!({"neverReady": true, "readyAfter": "1s"}), "readyAfter: pods that are never Ready")]
    #[case(json!({"readyAfter": "0s"}), "readyAfter: no time at all")]
    #[case(json!({"crashAfter": "0s"}), "crashAfter: no time at all")]
    #[case(json!({"crashes": 2}), "crashes: when it crashes is not said")]
    #[case(json!({"crashAfter": "1s", "crashes": 0}), "crashes: a container that never crashes")]
    fn contradictions_are_found(#[case] json: serde_json::Value, #[case] problem: &str) {
        let containers: Containers = serde_json::from_value(json).unwrap();
        let problems = containers.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].to_string().starts_with(problem), "{}", problems[0]);
    }
}
