//! The runs of the catalogue and about how long each takes.

use std::collections::BTreeMap;
use std::time::Duration;

use harness_plan::Profile;
use harness_scenario::{Builtin, Scenario};
use serde_json::Value;

use crate::args::Args;
use crate::counter_case::{self, CounterCase};
use crate::failure::Failure;

/// The profile of counter-cases.
const COUNTER_CASE_PROFILE: Profile = Profile::Smoke;
/// What a run takes besides its phases: starting and stopping its cluster, preparation, cleanup.
const AROUND_A_RUN: Duration = Duration::from_secs(30);
/// What a counter-case takes longer than its scenario: phases wait until their deadline for what never comes.
const IN_VAIN: Duration = Duration::from_secs(90);
/// Measured wall time from the start of `harness run` to its exit in seconds, by profile and name. Each run of the catalogue writes such a
/// table, `durations.json`, to its output folder.
const MEASURED: &str = include_str!("durations.json");

/// Seconds, by profile and name.
type Measured = BTreeMap<String, BTreeMap<String, u64>>;

/// One `harness run`.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Unique; also the name of its folder.
    pub(crate) name: String,
    /// The scenario's group.
    pub(crate) group: String,
    /// The scenario's question.
    pub(crate) question: String,
    pub(crate) profile: Profile,
    /// A counter-case's file and the broken scenario made from it.
    pub(crate) counter_case: Option<(CounterCase, Value)>,
    /// About how long it takes from start to exit.
    pub(crate) expected: Duration,
    /// How long its phases take if each runs into its deadline.
    pub(crate) at_most: Duration,
}

/// The runs that were asked for, longest first.
pub(crate) fn all(args: &Args, builtin: &[Builtin]) -> Result<Vec<Job>, Failure> {
    let measured: Measured = serde_json::from_str(MEASURED).map_err(Failure::Durations)?;
    let cases = if args.no_counter_cases { Vec::new() } else { counter_case::read_all(&args.counter_cases)? };
    let names = || builtin.iter().map(|one| one.name).chain(cases.iter().map(|(name, _)| name.as_str()));
    if let Some(unknown) = args.only.iter().find(|asked| !names().any(|name| name == asked.as_str())) {
        return Err(Failure::Unknown { name: unknown.clone() });
    }
    let asked = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let mut jobs = Vec::new();
    for one in builtin.iter().filter(|one| asked(one.name)) {
        jobs.push(job(one.name, args.profile, parsed(one.name, one.text)?, None, &measured));
    }
    for (name, case) in cases.iter().filter(|(name, _)| asked(name)) {
        let one = builtin.iter().find(|one| one.name == case.scenario);
        let one = one.ok_or_else(|| Failure::NoScenario { name: name.clone(), scenario: case.scenario.clone() })?;
        let scenario: Value = serde_saphyr::from_str(one.text)
            .map_err(|error| Failure::Scenario { name: one.name.to_owned(), reason: error.to_string() })?;
        let broken = counter_case::make(case, &scenario)
            .map_err(|source| Failure::CounterCase { name: name.clone(), source })?;
        let parsed = parsed(name, &broken.to_string())?;
        jobs.push(job(name, COUNTER_CASE_PROFILE, parsed, Some((case.clone(), broken)), &measured));
    }
    longest_first(&mut jobs);
    Ok(jobs)
}

/// Starting with the longest keeps the lanes from ending far apart.
fn longest_first(jobs: &mut [Job]) {
    jobs.sort_by(|a, b| b.expected.cmp(&a.expected).then_with(|| a.name.cmp(&b.name)));
}

fn parsed(name: &str, text: &str) -> Result<Scenario, Failure> {
    harness_scenario::parse(name, text).map_err(|problems| {
        let reason = problems.first().map_or_else(String::new, ToString::to_string);
        Failure::Scenario { name: name.to_owned(), reason }
    })
}

fn job(
    name: &str,
    profile: Profile,
    scenario: Scenario,
    counter_case: Option<(CounterCase, Value)>,
    measured: &Measured,
) -> Job {
    let expected = match &counter_case {
        None => expected(name, &scenario, profile, measured),
        Some((case, _)) => seconds(measured, profile, name)
            .unwrap_or_else(|| expected(&case.scenario, &scenario, profile, measured) + IN_VAIN),
    };
    Job {
        name: name.to_owned(),
        group: scenario.group().as_str().to_owned(),
        question: scenario.question().trim().to_owned(),
        profile,
        counter_case,
        expected,
        at_most: scenario.duration_at_most(profile).as_duration(),
    }
}

fn seconds(measured: &Measured, profile: Profile, name: &str) -> Option<Duration> {
    measured.get(profile.as_str())?.get(name).map(|seconds| Duration::from_secs(*seconds))
}

/// The measured duration in this profile; else the scenario's own estimate, corrected by what the estimate for profile smoke is off.
fn expected(name: &str, scenario: &Scenario, profile: Profile, measured: &Measured) -> Duration {
    let estimated = |profile| scenario.duration_expected(profile).as_duration() + AROUND_A_RUN;
    let smoke = seconds(measured, Profile::Smoke, name);
    let correction = smoke.map_or(1.0, |smoke| smoke.div_duration_f64(estimated(Profile::Smoke)));
    seconds(measured, profile, name).unwrap_or_else(|| estimated(profile).mul_f64(correction))
}

/// How long the jobs take in a number of lanes, each of which takes the next job when it is free.
pub(crate) fn makespan(jobs: &[Job], lanes: usize) -> Duration {
    let mut busy_until = vec![Duration::ZERO; lanes.max(1)];
    for job in jobs {
        if let Some(free) = busy_until.iter_mut().min() {
            *free += job.expected;
        }
    }
    busy_until.into_iter().max().unwrap_or_default()
}

/// `3m05s`.
pub(crate) fn text(duration: Duration) -> String {
    harness_report::text::duration(duration.as_secs().saturating_mul(1_000_000))
}

/// `1 run`, `2 runs`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The jobs and how long they take, one line each.
pub(crate) fn listed(jobs: &[Job], lanes: usize) -> String {
    let widest = jobs.iter().map(|job| job.name.len()).max().unwrap_or_default();
    let mut lines: Vec<String> = jobs
        .iter()
        .map(|job| {
            let what = match &job.counter_case {
                Some((case, _)) => format!("counter-case: {}", case.broken),
                None => job.question.clone(),
            };
            format!("{:widest$}  {:>7}  {what}", job.name, text(job.expected))
        })
        .collect();
    let lanes_of = counted(lanes, "lane");
    lines.push(format!("{} in {lanes_of}: about {}", counted(jobs.len(), "run"), text(makespan(jobs, lanes))));
    lines.join("\n")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use clap::Parser;
    use harness_scenario::builtin_scenarios;

    /// A job that takes this long.
    pub(crate) fn taking(name: &str, minutes: u64) -> Job {
        Job {
            name: name.to_owned(),
            group: "cost".to_owned(),
            question: "Does it?".to_owned(),
            profile: Profile::Default,
            counter_case: None,
            expected: Duration::from_secs(60 * minutes),
            at_most: Duration::from_secs(60 * minutes),
        }
    }

    fn asked(words: &[&str]) -> Result<Vec<Job>, Failure> {
        let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/counter-cases");
        let words = ["catalogue", "--counter-cases", cases].into_iter().chain(words.iter().copied());
        all(&Args::try_parse_from(words).unwrap(), builtin_scenarios())
    }

    #[test]
    fn everything_is_run_and_the_longest_comes_first() {
        let jobs = asked(&[]).unwrap();
        let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
        assert!(builtin_scenarios().iter().all(|one| names.contains(&one.name)));
        assert!(jobs.is_sorted_by_key(|job| std::cmp::Reverse(job.expected)));
        let (cases, scenarios): (Vec<&Job>, Vec<&Job>) = jobs.iter().partition(|job| job.counter_case.is_some());
        assert_eq!(scenarios.len(), builtin_scenarios().len());
        assert!((8..=20).contains(&cases.len()));
        assert!(cases.iter().all(|job| job.profile == Profile::Smoke));
        assert!(scenarios.iter().all(|job| job.profile == Profile::Default));
    }

    #[test]
    fn some_can_be_chosen() {
        let names = |jobs: Vec<Job>| jobs.into_iter().map(|job| job.name).collect::<std::collections::BTreeSet<_>>();
        let two = asked(&["--only", "spot,spot--no-fallback", "--profile", "smoke"]).unwrap();
        assert!(two.iter().all(|job| job.profile == Profile::Smoke));
        assert_eq!(names(two), ["spot".to_owned(), "spot--no-fallback".to_owned()].into());
        assert!(matches!(asked(&["--only", "sopt"]), Err(Failure::Unknown { name }) if name == "sopt"));
        let without = asked(&["--only", "spot,spot--no-fallback", "--no-counter-cases"]);
        assert!(matches!(without, Err(Failure::Unknown { name }) if name == "spot--no-fallback"));
    }

    #[test]
    fn a_counter_case_takes_longer_than_its_scenario() {
        let jobs = asked(&["--only", "spot,spot--no-fallback", "--profile", "smoke"]).unwrap();
        let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(names, ["spot--no-fallback", "spot"]);
        assert!(jobs[0].expected > jobs[1].expected);
    }

    #[test]
    fn a_duration_is_measured_or_the_estimate_corrected_by_another_profile() {
        let one = builtin_scenarios().iter().find(|one| one.name == "scale-burst").unwrap();
        let scenario = parsed(one.name, one.text).unwrap();
        let estimated = |profile| scenario.duration_expected(profile).as_duration() + AROUND_A_RUN;
        let of = |measured: &Measured| expected(one.name, &scenario, Profile::Default, measured).as_secs();
        assert_eq!(of(&Measured::new()), estimated(Profile::Default).as_secs());
        let half = estimated(Profile::Smoke).as_secs() / 2;
        let smoke: Measured = [("smoke".to_owned(), [(one.name.to_owned(), half)].into())].into();
        assert_eq!(of(&smoke), estimated(Profile::Default).as_secs() / 2);
        let default = [("default".to_owned(), [(one.name.to_owned(), 7)].into())].into();
        assert_eq!(of(&default), 7);
    }

    #[test]
    fn every_duration_is_of_something_that_is_run() {
        let measured: Measured = serde_json::from_str(MEASURED).unwrap();
        let names: Vec<String> = asked(&[]).unwrap().into_iter().map(|job| job.name).collect();
        let unknown: Vec<&String> =
            measured.values().flat_map(BTreeMap::keys).filter(|name| !names.contains(name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn lanes_take_the_next_job_when_they_are_free() {
        let jobs = [taking("a", 6), taking("b", 3), taking("c", 2), taking("d", 2)];
        // 6 in one lane, 3 + 2 + 2 in the other.
        assert_eq!(makespan(&jobs, 2), Duration::from_secs(7 * 60));
        assert_eq!(makespan(&jobs, 1), Duration::from_secs(13 * 60));
    }

    #[test]
    fn the_list_shows_what_is_run_and_how_long_it_takes() {
        let text = listed(&[taking("burst", 5), taking("images", 4)], 2);
        assert_eq!(text, "burst        5m  Does it?\nimages       4m  Does it?\n2 runs in 2 lanes: about 5m");
    }
}
