//! The order of the runs: a few lanes, each of which takes the next job when it is free; then everything that went wrong once more,
//! one at a time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::jobs::Job;
use crate::judge::{Outcome, problems};

/// More flaky runs than this fail the catalogue: something is wrong with the scenarios or the machine.
pub(crate) const FLAKY_MAX: usize = 2;

/// Runs jobs.
pub(crate) trait Runner: Sync {
    /// Runs a job to its end. `attempt` counts from 1.
    fn run(&self, job: &Job, attempt: u32) -> Outcome;
    /// Whether the user wants to stop: no further run is started.
    fn interrupted(&self) -> bool;
    /// Reports progress.
    fn say(&self, what: &Progress<'_>);
}

/// What happens on the way.
pub(crate) enum Progress<'a> {
    /// A run starts.
    Started { job: &'a Job, attempt: u32 },
    /// A run has ended; `done` of `of` jobs have ended so far.
    Ended { job: &'a Job, outcome: &'a Outcome, problems: &'a [String], took: Duration, done: usize, of: usize },
    /// So much went wrong that repeating it could not change the result.
    NotRepeated { wrong: usize },
}

/// The state of a job when everything has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It ran to its end.
    Ran {
        /// What is wrong with the last attempt; empty if it had the expected outcome.
        problems: Vec<String>,
        /// What was wrong with the first attempt, if there was a second.
        first: Vec<String>,
        /// How long the last attempt took.
        took: Duration,
    },
    /// It was interrupted, or never started because of the interrupt.
    Interrupted,
}

impl State {
    /// Whether it had the expected outcome in the end.
    pub(crate) fn as_expected(&self) -> bool {
        matches!(self, Self::Ran { problems, .. } if problems.is_empty())
    }

    /// Whether it ran to its end without the expected outcome.
    pub(crate) fn went_wrong(&self) -> bool {
        matches!(self, Self::Ran { problems, .. } if !problems.is_empty())
    }

    /// Whether it had the expected outcome at the second attempt only.
    pub(crate) fn is_flaky(&self) -> bool {
        self.as_expected() && matches!(self, Self::Ran { first, .. } if !first.is_empty())
    }
}

/// Runs everything, and once more what went wrong if it `repeats`. The states are in the order of the jobs.
pub(crate) fn run(jobs: &[Job], lanes: usize, repeats: bool, runner: &dyn Runner) -> Vec<State> {
    let waiting: VecDeque<(usize, &Job)> = jobs.iter().enumerate().collect();
    let count = Count { done: AtomicUsize::new(0), of: jobs.len() };
    let (states, waiting) = (Mutex::new(vec![State::Interrupted; jobs.len()]), Mutex::new(waiting));
    let next = || locked(&waiting).pop_front();
    std::thread::scope(|scope| {
        for _ in 0..lanes.min(count.of) {
            scope.spawn(|| {
                while let Some((index, job)) = next() {
                    let state = attempt(job, 1, Vec::new(), runner, &count);
                    if let Some(slot) = locked(&states).get_mut(index) {
                        *slot = state;
                    }
                }
            });
        }
    });
    let mut states = states.into_inner().unwrap_or_else(PoisonError::into_inner);
    if repeats {
        repeat(jobs, &mut states, runner);
    }
    states
}

/// Repeats what went wrong, one at a time. If more went wrong than may be flaky, the catalogue has failed whatever a second attempt shows.
fn repeat(jobs: &[Job], states: &mut [State], runner: &dyn Runner) {
    let wrong = states.iter().filter(|state| state.went_wrong()).count();
    if wrong > FLAKY_MAX {
        if !runner.interrupted() {
            runner.say(&Progress::NotRepeated { wrong });
        }
        return;
    }
    let count = Count { done: AtomicUsize::new(0), of: wrong };
    for (job, state) in jobs.iter().zip(states) {
        let State::Ran { problems: first, .. } = &*state else { continue };
        if first.is_empty() {
            continue;
        }
        match attempt(job, 2, first.clone(), runner, &count) {
            // Keep the outcome of the first attempt.
            State::Interrupted => return,
            second => *state = second,
        }
    }
}

/// How many jobs of how many have ended.
struct Count {
    done: AtomicUsize,
    of: usize,
}

fn attempt(job: &Job, number: u32, first: Vec<String>, runner: &dyn Runner, count: &Count) -> State {
    if runner.interrupted() {
        return State::Interrupted;
    }
    runner.say(&Progress::Started { job, attempt: number });
    let started = Instant::now();
    let outcome = runner.run(job, number);
    let took = started.elapsed();
    if runner.interrupted() {
        return State::Interrupted;
    }
    let problems = problems(job, &outcome);
    let done = count.done.fetch_add(1, Ordering::Relaxed) + 1;
    runner.say(&Progress::Ended { job, outcome: &outcome, problems: &problems, took, done, of: count.of });
    State::Ran { problems, first, took }
}

/// A panic in one lane does not stop the others.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::tests::taking;
    use std::collections::BTreeMap;
    use std::sync::Condvar;
    use std::sync::atomic::AtomicBool;

    const LIMIT: Duration = Duration::from_secs(10);

    /// Runs with scripted outcomes.
    #[derive(Default)]
    struct Fake {
        /// Attempts that fail, by name.
        fails: BTreeMap<&'static str, Vec<u32>>,
        /// Runs that end only after all of these have ended.
        waits: BTreeMap<&'static str, Vec<&'static str>>,
        /// The interrupt comes while this runs.
        interrupted_in: Option<&'static str>,
        interrupted: AtomicBool,
        log: Mutex<Log>,
        ended: Condvar,
    }

    #[derive(Default)]
    struct Log {
        started: Vec<(String, u32)>,
        ended: Vec<String>,
        at_once: usize,
        at_once_max: usize,
        not_repeated: usize,
    }

    impl Runner for Fake {
        fn run(&self, job: &Job, attempt: u32) -> Outcome {
            let name = job.name.as_str();
            let mut log = locked(&self.log);
            log.started.push((name.to_owned(), attempt));
            log.at_once += 1;
            log.at_once_max = log.at_once_max.max(log.at_once);
            let others = self.waits.get(name).cloned().unwrap_or_default();
            let missing = |log: &mut Log| others.iter().any(|other| !log.ended.iter().any(|ended| ended == other));
            let (mut log, waited) = self.ended.wait_timeout_while(log, LIMIT, missing).unwrap();
            if self.interrupted_in == Some(name) {
                self.interrupted.store(true, Ordering::SeqCst);
            }
            log.at_once -= 1;
            log.ended.push(name.to_owned());
            self.ended.notify_all();
            let failed = waited.timed_out() || self.fails.get(name).is_some_and(|fails| fails.contains(&attempt));
            let reasons = if failed { vec![format!("{name} failed, attempt {attempt}")] } else { Vec::new() };
            Outcome { exit_code: Some(i32::from(failed)), reasons, ..Outcome::default() }
        }

        fn interrupted(&self) -> bool {
            self.interrupted.load(Ordering::SeqCst)
        }

        fn say(&self, what: &Progress<'_>) {
            if let Progress::NotRepeated { wrong } = what {
                locked(&self.log).not_repeated = *wrong;
            }
        }
    }

    fn jobs(names: &[&str]) -> Vec<Job> {
        names.iter().map(|name| taking(name, 1)).collect()
    }

    fn started(fake: &Fake) -> Vec<(String, u32)> {
        locked(&fake.log).started.clone()
    }

    fn named(names: &[(&str, u32)]) -> Vec<(String, u32)> {
        names.iter().map(|(name, attempt)| ((*name).to_owned(), *attempt)).collect()
    }

    #[test]
    fn a_lane_that_is_free_takes_the_next_job() {
        // The first one ends last. If the jobs were dealt out in advance, those of its lane would never run and it would wait in vain.
        let fake = Fake { waits: [("a", vec!["b", "c", "d", "e"])].into(), ..Fake::default() };
        let states = run(&jobs(&["a", "b", "c", "d", "e"]), 2, true, &fake);
        assert!(states.iter().all(State::as_expected), "{states:?}");
        let log = locked(&fake.log);
        assert_eq!((log.ended.last().map(String::as_str), log.at_once_max), (Some("a"), 2));
        // In the order of the list.
        let order: Vec<&str> = log.started.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "a").collect();
        assert_eq!(order, ["b", "c", "d", "e"]);
    }

    #[test]
    fn one_lane_runs_one_after_another() {
        let fake = Fake::default();
        assert!(run(&jobs(&["a", "b", "c"]), 1, true, &fake).iter().all(State::as_expected));
        assert_eq!(locked(&fake.log).at_once_max, 1);
    }

    #[test]
    fn what_fails_once_is_flaky_and_what_fails_twice_fails() {
        let fake = Fake { fails: [("a", vec![1]), ("c", vec![1, 2])].into(), ..Fake::default() };
        let states = run(&jobs(&["a", "b", "c"]), 1, true, &fake);
        assert_eq!(started(&fake), named(&[("a", 1), ("b", 1), ("c", 1), ("a", 2), ("c", 2)]));
        let flaky: Vec<bool> = states.iter().map(State::is_flaky).collect();
        let expected: Vec<bool> = states.iter().map(State::as_expected).collect();
        assert_eq!((flaky, expected), (vec![true, false, false], vec![true, true, false]));
        let State::Ran { problems, first, .. } = &states[2] else { panic!("{states:?}") };
        assert_eq!(
            (problems, first),
            (&vec!["c failed, attempt 2".to_owned()], &vec!["c failed, attempt 1".to_owned()])
        );
    }

    #[test]
    fn repeated_runs_have_the_machine_to_themselves() {
        let fake = Fake { fails: [("a", vec![1]), ("b", vec![1])].into(), ..Fake::default() };
        run(&jobs(&["a", "b"]), 2, true, &fake);
        let mut log = locked(&fake.log);
        assert_eq!(log.started.split_off(2), named(&[("a", 2), ("b", 2)]));
    }

    #[test]
    fn on_one_cluster_nothing_is_repeated() {
        let fake = Fake { fails: [("a", vec![1])].into(), ..Fake::default() };
        let states = run(&jobs(&["a", "b"]), 1, false, &fake);
        assert_eq!(started(&fake), named(&[("a", 1), ("b", 1)]));
        assert!(states[0].went_wrong());
    }

    #[test]
    fn more_failures_than_may_be_flaky_are_not_repeated() {
        let fake = Fake { fails: [("a", vec![1]), ("b", vec![1]), ("c", vec![1])].into(), ..Fake::default() };
        let states = run(&jobs(&["a", "b", "c", "d"]), 2, true, &fake);
        assert_eq!(started(&fake).len(), 4);
        assert_eq!(locked(&fake.log).not_repeated, 3);
        assert_eq!(states.iter().filter(|state| state.as_expected()).count(), 1);
    }

    #[test]
    fn after_an_interrupt_nothing_is_started_or_repeated() {
        let fake = Fake { fails: [("a", vec![1])].into(), interrupted_in: Some("b"), ..Fake::default() };
        let states = run(&jobs(&["a", "b", "c"]), 1, true, &fake);
        assert_eq!(started(&fake), named(&[("a", 1), ("b", 1)]));
        assert!(matches!(&states[0], State::Ran { problems, first, .. } if problems.len() == 1 && first.is_empty()));
        assert_eq!(states[1..], [State::Interrupted, State::Interrupted]);
    }
}
