//! When each of several is due.

use harness_units::{Rate, Span};
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When each pod is requested. Rates are those of each workload, not of all together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Arrival {
    /// All at once.
    #[default]
    Burst,
    /// Evenly, the first at once.
    Constant {
        /// Pods per second.
        per_second: Rate,
    },
    /// At a rate that rises or falls evenly until the last pod.
    Ramp {
        /// Pods per second at the start.
        from_per_second: Rate,
        /// Pods per second at the end.
        to_per_second: Rate,
    },
    /// At a rate for each stretch of time; the last rate lasts until the last pod.
    Steps(Vec<RateStep>),
    /// At random with this mean rate; the seed decides the moments.
    Poisson {
        /// Pods per second, on average.
        per_second: Rate,
    },
}

/// A stretch of time with one rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateStep {
    /// Pods per second.
    pub per_second: Rate,
    /// For how long.
    #[serde(rename = "for")]
    pub duration: Span,
}

impl Arrival {
    /// Whether it is a burst.
    pub fn is_burst(&self) -> bool {
        *self == Self::Burst
    }

    /// What the types cannot rule out.
    pub fn problems(&self) -> Vec<Problem> {
        let Self::Steps(steps) = self else { return Vec::new() };
        if steps.is_empty() {
            let hint = "give at least one: `{perSecond: 5, for: 10s}`";
            return vec![Problem::new(&["steps"], "there are no steps", hint)];
        }
        let empty = steps.iter().enumerate().filter(|(_, step)| step.duration == Span::ZERO);
        empty
            .map(|(index, _)| {
                let path = ["steps", &index.to_string(), "for"];
                Problem::new(&path, "a step that lasts 0s", "give a duration above 0s")
            })
            .collect()
    }
}
