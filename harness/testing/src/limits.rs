//! How long tests wait, in one place.
//!
//! A limit only ends what hangs; no test gets faster or stricter by lowering one. Each is several times what the step took on two
//! cores with a compiler beside it. On a slower machine, set `HARNESS_TEST_SLOWNESS=2` (any factor of at least 1): every limit is
//! multiplied by it.

use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

/// The variable with the factor by which this machine is slower.
pub const SLOWNESS: &str = "HARNESS_TEST_SLOWNESS";

/// A limit before the factor of [`SLOWNESS`] is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(Duration);

impl Limit {
    const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    const fn milliseconds(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// How long to wait on this machine.
    ///
    /// # Panics
    /// When [`SLOWNESS`] is not a factor of at least 1: a typing error there must not pass for a limit.
    pub fn get(self) -> Duration {
        static FACTOR: LazyLock<f64> = LazyLock::new(|| factor(std::env::var(SLOWNESS).ok().as_deref()));
        self.0.mul_f64(*FACTOR)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.get().as_secs_f64())
    }
}

#[expect(clippy::panic, reason = "a test that cannot know its limits must not run")]
fn factor(text: Option<&str>) -> f64 {
    let Some(text) = text else { return 1.0 };
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor >= 1.0 => factor,
        _ => panic!("{SLOWNESS}={text}: expected a factor of at least 1, such as 2 or 1.5"),
    }
}

/// No time at all, for the tests of the waiting itself.
#[cfg(test)]
pub(crate) const NONE: Limit = Limit::seconds(0);
/// An in-process server answers, or a state inside this process is reached.
pub const ANSWER: Limit = Limit::seconds(20);
/// A short child process (git, a shell script) ends or reports something.
pub const CHILD_PROCESS: Limit = Limit::seconds(30);
/// The kernel kills the processes of a dead parent. Nobody has to notice anything first.
pub const KERNEL: Limit = Limit::seconds(5);
/// A cluster is up, from nothing. The supervisor's own limit is 120 s.
pub const CLUSTER_UP: Limit = Limit::seconds(150);
/// A cluster is stopped and verified to be gone. It takes 1 to 2 s on an idle machine.
pub const CLUSTER_DOWN: Limit = Limit::seconds(20);
/// Flux fetches and applies a commit and its health checks pass.
pub const GITOPS: Limit = Limit::seconds(45);
/// The controller makes, drifts or removes nodes whose simulated boot takes at most 2 s.
pub const NODES: Limit = Limit::seconds(90);
/// The horizontal pod autoscaler decides: three of its periods of 5 s, and 60 s in which it does not trust a new pod's CPU.
pub const AUTOSCALED: Limit = Limit::seconds(90);
/// A namespace and everything in it is gone.
pub const NAMESPACE_GONE: Limit = Limit::seconds(30);
/// A Node's Ready is seen after the simulated Azure set it, 99th percentile. It takes some milliseconds on an idle machine.
pub const READY_SEEN: Limit = Limit::milliseconds(500);
/// An interrupted run ends with `--grace 10s`.
pub const GRACE: Limit = Limit::seconds(10);
/// A run reaches a given phase or event.
pub const EVENT: Limit = Limit::seconds(120);
/// A run of a smoke profile ends, cluster start and cleanup included. The longest takes 90 s on two idle cores.
pub const RUN: Limit = Limit::seconds(300);

/// A whole test on a real cluster. Its own waits should end it long before.
pub const TEST: Limit = Limit::seconds(420);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(None, 1.0)]
    #[case(Some("1"), 1.0)]
    #[case(Some("2.5"), 2.5)]
    fn reads_the_factor(#[case] text: Option<&str>, #[case] expected: f64) {
        assert_eq!(factor(text), expected);
    }

    #[rstest]
    #[should_panic(expected = "expected a factor of at least 1")]
    fn refuses_what_is_not_a_factor(#[values("", "fast", "0.5", "-1", "inf", "NaN")] text: &str) {
        factor(Some(text));
    }
}
