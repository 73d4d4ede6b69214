//! The order of the runs: a few lanes, each of which takes the next job when it is free; then, alone, what did not come to what it
//! must.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::jobs::Job;
use crate::judge::{Came, against};

/// How many may be flaky. One more, and something is wrong with the scenarios or with the machine.
pub(crate) const FLAKY_MAX: usize = 2;

/// Runs jobs.
pub(crate) trait Runner: Sync {
    /// Runs one to its end. `attempt` counts from 1.
    fn run(&self, job: &Job, attempt: u32) -> Came;
    /// Whether nothing further is to be begun.
    fn interrupted(&self) -> bool;
    /// Something that whoever waits wants to know.
    fn say(&self, what: &Said<'_>);
}

/// What is said on the way.
pub(crate) enum Said<'a> {
    /// A run begins.
    Begins {
        job: &'a Job,
        attempt: u32,
    },
    /// A run has ended. `done` of `of` jobs have ended so far.
    Ended {
        job: &'a Job,
        came: &'a Came,
        against: &'a [String],
        took: Duration,
        done: usize,
        of: usize,
    },
    /// Nothing is repeated: the result would be the same.
    NotRepeated {
        wrong: usize,
    },
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It was run, and interrupted neither before nor meanwhile.
    Ran {
        /// What is wrong with the last attempt.
        against: Vec<String>,
        /// What was wrong with the first, where there was a second.
        first: Vec<String>,
        /// How long the last attempt took.
        took: Duration,
    },
    /// It was not run: why.
    NotRun(String),
    /// It was interrupted, or its turn did not come.
    Interrupted,
}

impl State {
    /// It came to what it must.
    pub(crate) fn is_right(&self) -> bool {
        matches!(self, Self::Ran { against, .. } if against.is_empty())
    }

    /// It came to what it must, but not at the first attempt.
    pub(crate) fn is_flaky(&self) -> bool {
        self.is_right() && matches!(self, Self::Ran { first, .. } if !first.is_empty())
    }
}

/// Runs everything. The states are in the order of the jobs.
pub(crate) fn run(jobs: &[Job], lanes: usize, runner: &dyn Runner) -> Vec<State> {
    let states: Mutex<Vec<Option<State>>> = Mutex::new(
        jobs.iter().map(|job| job.lacks.as_ref().map(|why| State::NotRun(why.clone()))).collect(),
    );
    let waiting: VecDeque<usize> = (0..jobs.len()).filter(|index| jobs[*index].lacks.is_none()).collect();
    let of = waiting.len();
    let waiting = Mutex::new(waiting);
    let next = || locked(&waiting).pop_front();
    std::thread::scope(|scope| {
        for _ in 0..lanes.min(of) {
            scope.spawn(|| {
                while let Some((index, job)) = next().and_then(|index| Some((index, jobs.get(index)?))) {
                    let done = || locked(&states).iter().flatten().filter(|state| !matches!(state, State::NotRun(_))).count();
                    let state = attempt(job, 1, Vec::new(), runner, (&done, of));
                    if let Some(slot) = locked(&states).get_mut(index) {
                        *slot = Some(state);
                    }
                }
            });
        }
    });
    let mut states: Vec<State> =
        states.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().map(|state| state.unwrap_or(State::Interrupted)).collect();
    repeat(jobs, &mut states, runner);
    states
}

/// Runs what is wrong once more, one after another. Where more is wrong than may be flaky, the whole has failed whatever a second attempt
/// would say.
fn repeat(jobs: &[Job], states: &mut [State], runner: &dyn Runner) {
    let is_wrong = |state: &&mut State| matches!(state, State::Ran { against, .. } if !against.is_empty());
    let wrong = states.iter_mut().filter(is_wrong).count();
    if wrong > FLAKY_MAX {
        if !runner.interrupted() {
            runner.say(&Said::NotRepeated { wrong });
        }
        return;
    }
    for (job, state) in jobs.iter().zip(states).filter(|(_, state)| is_wrong(&state)) {
        if runner.interrupted() {
            return;
        }
        let State::Ran { against: first, .. } = state.clone() else { continue };
        match attempt(job, 2, first, runner, (&|| 0, wrong)) {
            // What the first attempt came to stays.
            State::Interrupted => return,
            again => *state = again,
        }
    }
}

fn attempt(
    job: &Job,
    number: u32,
    first: Vec<String>,
    runner: &dyn Runner,
    (done, of): (&dyn Fn() -> usize, usize),
) -> State {
    if runner.interrupted() {
        return State::Interrupted;
    }
    runner.say(&Said::Begins { job, attempt: number });
    let began = Instant::now();
    let came = runner.run(job, number);
    let took = began.elapsed();
    if runner.interrupted() {
        return State::Interrupted;
    }
    let against = against(job, &came);
    runner.say(&Said::Ended { job, came: &came, against: &against, took, done: done() + 1, of });
    State::Ran { against, first, took }
}

/// A lane that has panicked takes nothing with it.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::jobs::tests::taking;
    use std::collections::BTreeMap;
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicBool, Ordering};

    const LIMIT: Duration = Duration::from_secs(10);

    /// Runs that come to what was written down for them.
    #[derive(Default)]
    struct Fake {
        /// Attempts that fail, by name.
        fails: BTreeMap<&'static str, Vec<u32>>,
        /// Ends only when all of these have ended.
        waits: BTreeMap<&'static str, Vec<&'static str>>,
        /// The interrupt comes while this runs.
        interrupted_in: Option<&'static str>,
        interrupted: AtomicBool,
        log: Mutex<Log>,
        ended: Condvar,
    }

    #[derive(Default)]
    struct Log {
        begun: Vec<(String, u32)>,
        ended: Vec<String>,
        at_once: usize,
        at_once_max: usize,
        not_repeated: usize,
    }

    impl Runner for Fake {
        fn run(&self, job: &Job, attempt: u32) -> Came {
            let name = job.name.as_str();
            let mut log = locked(&self.log);
            log.begun.push((name.to_owned(), attempt));
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
            Came { exit_code: Some(i32::from(failed)), reasons, ..Came::default() }
        }

        fn interrupted(&self) -> bool {
            self.interrupted.load(Ordering::SeqCst)
        }

        fn say(&self, what: &Said<'_>) {
            if let Said::NotRepeated { wrong } = what {
                locked(&self.log).not_repeated = *wrong;
            }
        }
    }

    fn jobs(names: &[&str]) -> Vec<Job> {
        names.iter().map(|name| taking(name, 1)).collect()
    }

    fn begun(fake: &Fake) -> Vec<(String, u32)> {
        locked(&fake.log).begun.clone()
    }

    fn named(names: &[(&str, u32)]) -> Vec<(String, u32)> {
        names.iter().map(|(name, attempt)| ((*name).to_owned(), *attempt)).collect()
    }

    #[test]
    fn a_lane_that_is_free_takes_the_next_job() {
        // The first ends last: were the jobs dealt out beforehand, its lane would keep some of them.
        let fake = Fake { waits: [("a", vec!["b", "c", "d", "e"])].into(), ..Fake::default() };
        let states = run(&jobs(&["a", "b", "c", "d", "e"]), 2, &fake);
        assert!(states.iter().all(State::is_right), "{states:?}");
        let log = locked(&fake.log);
        assert_eq!((log.ended.last().map(String::as_str), log.at_once_max), (Some("a"), 2));
        // In the order of the list.
        let order: Vec<&str> = log.begun.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "a").collect();
        assert_eq!(order, ["b", "c", "d", "e"]);
    }

    #[test]
    fn one_lane_runs_one_after_another() {
        let fake = Fake::default();
        assert!(run(&jobs(&["a", "b", "c"]), 1, &fake).iter().all(State::is_right));
        assert_eq!(locked(&fake.log).at_once_max, 1);
    }

    #[test]
    fn what_fails_once_is_flaky_and_what_fails_twice_fails() {
        let fake = Fake { fails: [("a", vec![1]), ("c", vec![1, 2])].into(), ..Fake::default() };
        let states = run(&jobs(&["a", "b", "c"]), 1, &fake);
        assert_eq!(begun(&fake), named(&[("a", 1), ("b", 1), ("c", 1), ("a", 2), ("c", 2)]));
        let flaky: Vec<bool> = states.iter().map(State::is_flaky).collect();
        let right: Vec<bool> = states.iter().map(State::is_right).collect();
        assert_eq!((flaky, right), (vec![true, false, false], vec![true, true, false]));
        let State::Ran { against, first, .. } = &states[2] else { panic!("{states:?}") };
        assert_eq!((against, first), (&vec!["c failed, attempt 2".to_owned()], &vec!["c failed, attempt 1".to_owned()]));
    }

    #[test]
    fn what_is_repeated_is_alone() {
        let fake = Fake { fails: [("a", vec![1]), ("b", vec![1])].into(), ..Fake::default() };
        run(&jobs(&["a", "b"]), 2, &fake);
        let mut log = locked(&fake.log);
        assert_eq!(log.begun.split_off(2), named(&[("a", 2), ("b", 2)]));
    }

    #[test]
    fn more_failures_than_may_be_flaky_are_not_repeated() {
        let fake = Fake { fails: [("a", vec![1]), ("b", vec![1]), ("c", vec![1])].into(), ..Fake::default() };
        let states = run(&jobs(&["a", "b", "c", "d"]), 2, &fake);
        assert_eq!(begun(&fake).len(), 4);
        assert_eq!(locked(&fake.log).not_repeated, 3);
        assert_eq!(states.iter().filter(|state| state.is_right()).count(), 1);
    }

    #[test]
    fn what_the_machine_lacks_something_for_is_not_run() {
        let mut all = jobs(&["a", "b"]);
        all[0].lacks = Some("needs image-registry".to_owned());
        let fake = Fake::default();
        let states = run(&all, 2, &fake);
        assert_eq!(states[0], State::NotRun("needs image-registry".to_owned()));
        assert!(states[1].is_right());
        assert_eq!(begun(&fake), named(&[("b", 1)]));
    }

    #[test]
    fn after_an_interrupt_nothing_is_begun_or_repeated() {
        let fake = Fake { fails: [("a", vec![1])].into(), interrupted_in: Some("b"), ..Fake::default() };
        let states = run(&jobs(&["a", "b", "c"]), 1, &fake);
        assert_eq!(begun(&fake), named(&[("a", 1), ("b", 1)]));
        assert!(matches!(&states[0], State::Ran { against, first, .. } if against.len() == 1 && first.is_empty()));
        assert_eq!(states[1..], [State::Interrupted, State::Interrupted]);
    }
}
