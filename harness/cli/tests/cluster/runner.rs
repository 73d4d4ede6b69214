//! The runner of this binary's tests: two lanes side by side, a limit for each test, and a JUnit file.
//!
//! libtest would start as many clusters as it has threads. Here one lane holds the tests that share a cluster, one after another, and
//! the other lane those that need their own cluster, so that at most two clusters are up at a time.
//!
//! - `HARNESS_REQUIRE_CLUSTER=1`: where the components are missing, every test fails. Otherwise it is ignored, with the reason.
//! - `HARNESS_TEST_REPEATS=1`: a test that failed is run once more. If it then passes, it counts as flaky, here and in JUnit.
//! - `HARNESS_TEST_JUNIT=FILE`: the JUnit file.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use harness_testing::limits;
use libtest_mimic::{Arguments, Completion, Trial};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use crate::shared::SharedCluster;

/// One test, and the lane that it runs in.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    body: Body,
}

#[derive(Clone, Copy)]
enum Body {
    Shared(fn(&SharedCluster)),
    Own(fn()),
}

impl Test {
    /// A test on the shared cluster. It leaves the cluster as it found it.
    pub(crate) fn shared(name: &'static str, body: fn(&SharedCluster)) -> Self {
        Self { name, body: Body::Shared(body) }
    }

    /// A test that starts and stops its own clusters.
    pub(crate) fn own(name: &'static str, body: fn()) -> Self {
        Self { name, body: Body::Own(body) }
    }

    fn is_shared(&self) -> bool {
        matches!(self.body, Body::Shared(_))
    }
}

/// One execution of a test.
#[derive(Clone)]
struct Attempt {
    outcome: Outcome,
    took: Duration,
}

#[derive(Clone)]
enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

impl Attempt {
    /// Whether it took any time: where the components are missing, no test does.
    fn ran(&self) -> bool {
        self.took > Duration::ZERO
    }

    fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

/// Every attempt of each test that has ended, for the trials that wait for them.
#[derive(Default)]
struct Results {
    attempts: Mutex<BTreeMap<&'static str, Vec<Attempt>>>,
    changed: Condvar,
}

impl Results {
    fn put(&self, test: &'static str, attempts: Vec<Attempt>) {
        self.attempts.lock().unwrap().insert(test, attempts);
        self.changed.notify_all();
    }

    /// The last attempt of a test, once it has ended.
    fn wait(&self, test: &str) -> Attempt {
        let ended = self.changed.wait_while(self.attempts.lock().unwrap(), |all| !all.contains_key(test)).unwrap();
        ended[test].last().unwrap().clone()
    }
}

/// Runs those of `tests` that the command line selects. `missing` is the reason why no cluster can be started here, if there is one.
pub(crate) fn run(tests: Vec<Test>, missing: Option<String>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The lanes do the work; the trials only wait for them, in the order in which they are listed.
    arguments.test_threads = Some(1);
    let required = is_set("HARNESS_REQUIRE_CLUSTER");
    let repeats = if is_set("HARNESS_TEST_REPEATS") { 1 } else { 0 };
    let results = Arc::new(Results::default());
    let trials: Vec<Trial> = tests.iter().map(|test| trial(test.name, results.clone())).collect();
    let chosen: Vec<Test> = tests
        .into_iter()
        .zip(&trials)
        .filter(|(_, trial)| !arguments.list && !arguments.ignored && !arguments.is_filtered_out(trial))
        .map(|(test, _)| test)
        .collect();

    let lanes = match missing {
        Some(reason) => {
            let outcome = if required { Outcome::Failed(reason) } else { Outcome::Skipped(reason) };
            let attempt = Attempt { outcome, took: Duration::ZERO };
            chosen.iter().for_each(|test| results.put(test.name, vec![attempt.clone()]));
            Vec::new()
        }
        None => {
            let (shared, own): (Vec<Test>, Vec<Test>) = chosen.into_iter().partition(Test::is_shared);
            let start = |tests: Vec<Test>| {
                let results = results.clone();
                std::thread::spawn(move || lane(&tests, repeats, &results))
            };
            vec![start(shared), start(own)]
        }
    };
    let conclusion = libtest_mimic::run(&arguments, trials);
    for lane in lanes {
        lane.join().unwrap();
    }
    let attempts = results.attempts.lock().unwrap();
    for (test, attempts) in attempts.iter().filter(|(_, attempts)| attempts.iter().any(Attempt::ran)) {
        let took: Vec<String> = attempts.iter().map(|it| format!("{:.1} s", it.took.as_secs_f64())).collect();
        eprintln!("{test}: {}", took.join(", then "));
    }
    let flaky = attempts.values().filter(|attempts| attempts.len() > 1 && !attempts[attempts.len() - 1].failed());
    let flaky = flaky.count();
    if flaky > 0 {
        eprintln!("{flaky} flaky: failed first and passed when repeated");
    }
    if let Some(file) = std::env::var_os("HARNESS_TEST_JUNIT").filter(|_| !arguments.list) {
        let file = Path::new(&file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, junit(&attempts)).unwrap();
    }
    conclusion.exit_code()
}

fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| !value.is_empty() && value != "0")
}

fn trial(test: &'static str, results: Arc<Results>) -> Trial {
    Trial::ignorable_test(test, move || match results.wait(test).outcome {
        Outcome::Passed => Ok(Completion::Completed),
        Outcome::Skipped(reason) => Ok(Completion::ignored_with(reason)),
        Outcome::Failed(why) => Err(why.into()),
    })
}

/// Runs tests one after another, and takes the shared cluster down at the end if they used it.
fn lane(tests: &[Test], repeats: usize, results: &Results) {
    let shared = Arc::new(SharedCluster::default());
    for test in tests {
        let mut attempts = Vec::new();
        while attempts.len() <= repeats && attempts.last().is_none_or(Attempt::failed) {
            let attempt = attempt(test, &shared);
            if let Outcome::Failed(why) = &attempt.outcome {
                eprintln!("\n{} failed after {:.1} s: {why}", test.name, attempt.took.as_secs_f64());
                // What the test left behind must not fail the next one.
                shared.discard();
            }
            attempts.push(attempt);
        }
        results.put(test.name, attempts);
    }
    shared.discard();
}

/// Runs a test in its own thread, so that one that hangs can be abandoned.
fn attempt(test: &Test, shared: &Arc<SharedCluster>) -> Attempt {
    let (body, shared) = (test.body, shared.clone());
    let (sender, receiver) = mpsc::channel();
    let started = Instant::now();
    let thread = std::thread::Builder::new().name(test.name.to_owned());
    let thread = thread.spawn(move || {
        match body {
            Body::Shared(body) => body(&shared),
            Body::Own(body) => body(),
        }
        let _ = sender.send(());
    });
    let thread = thread.unwrap();
    let outcome = match receiver.recv_timeout(limits::TEST.get()) {
        Ok(()) => Outcome::Passed,
        Err(RecvTimeoutError::Disconnected) => Outcome::Failed(match thread.join() {
            Err(panic) => message(panic.as_ref()),
            Ok(()) => "ended without a result".to_owned(),
        }),
        Err(RecvTimeoutError::Timeout) => Outcome::Failed(format!(
            "did not end within {}; it was waiting until {}",
            limits::TEST,
            harness_testing::waiting_for(test.name)
                .unwrap_or_else(|| "something that is not a test's own wait".to_owned())
        )),
    };
    Attempt { outcome, took: started.elapsed() }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("panicked with something that is not text").to_owned()
}

fn junit(results: &BTreeMap<&'static str, Vec<Attempt>>) -> String {
    let mut suite = TestSuite::new("cluster");
    for (test, attempts) in results {
        let (last, before) = attempts.split_last().unwrap();
        let mut status = match &last.outcome {
            Outcome::Passed => TestCaseStatus::success(),
            Outcome::Skipped(reason) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(reason.as_str());
                status
            }
            Outcome::Failed(why) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(why.as_str());
                status
            }
        };
        for attempt in before {
            if let Outcome::Failed(why) = &attempt.outcome {
                let mut rerun = TestRerun::new(NonSuccessKind::Failure);
                rerun.set_message(why.as_str()).set_time(attempt.took);
                status.add_rerun(rerun);
            }
        }
        let mut case = TestCase::new(*test, status);
        case.set_classname("harness::cluster").set_time(last.took);
        suite.add_test_case(case);
    }
    let mut report = Report::new("harness cluster tests");
    report.add_test_suite(suite);
    report.to_string().unwrap()
}
