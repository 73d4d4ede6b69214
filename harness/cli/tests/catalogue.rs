//! Every scenario that comes along, on the real local cluster: it passes, and its counter-cases, each a copy with something broken,
//! fail for the right reason. A scenario without a counter-case fails here: nobody has shown that it can fail.
//!
//! A counter-case is `counter-cases/SCENARIO--WHAT.yaml`: `scenario` names the scenario, `change` is merged into it (RFC 7386: `null` takes
//! a key away, lists are replaced). Each of its first comment lines `# fails: WORDS` names a part of a reason or of the name of an
//! expectation that failed.
//!
//! They run in a few lanes, each on a cluster of its own. Their reports stay in `target/tmp/catalogue`. A filter, as in
//! `cargo test --test catalogue spot`, runs what it names and nothing else. What fails in company is run once more, alone: scenarios
//! have deadlines, and clusters that share two cores can starve each other. What fails alone fails.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use common::{components_or_skip, harness, processes_of, repository};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// So many clusters run at a time. A scenario mostly waits, and three of them keep two cores busy.
const LANES: usize = 3;

/// So many runs are repeated at most: when more fail, it is not the company.
const REPEATED_MAX: usize = 8;
/// Nor is one repeated after this: who waits for the tests should not wait for ever.
const REPEATED_WITHIN: Duration = Duration::from_secs(50 * 60);

/// What the comment lines of a counter-case begin with.
const FAILS: &str = "# fails:";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // What takes time are the lanes, and they run by themselves: the tests only wait for them.
    arguments.test_threads = Some(1);
    let scenarios = files(&repository("scenarios"));
    let counter_cases = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/counter-cases"));
    let built = arguments.list || components_or_skip("catalogue");

    let mut trials: Vec<Trial> = Vec::new();
    for name in scenarios.keys() {
        let shown = counter_cases.keys().any(|case| scenario_of(case) == name);
        let name = name.clone();
        trials.push(Trial::test(format!("has-a-counter-case::{name}"), move || {
            if !shown {
                return Err(format!("write harness/cli/tests/counter-cases/{name}--WHAT.yaml").into());
            }
            Ok(())
        }));
    }
    for case in counter_cases.keys().filter(|case| !scenarios.contains_key(scenario_of(case))) {
        let case = case.clone();
        trials.push(Trial::test(format!("is-of-a-scenario::{case}"), move || {
            Err(format!("{case}: there is no scenarios/{}.yaml", scenario_of(&case)).into())
        }));
    }

    for (case, path) in &counter_cases {
        let made = made(case, path);
        trials.push(Trial::test(format!("can-be-planned::{case}"), move || {
            let planned = harness().args(["plan", "--profile", "smoke"]).arg(made).output().unwrap();
            let said = String::from_utf8_lossy(&planned.stderr).into_owned();
            if planned.status.success() { Ok(()) } else { Err(said.into()) }
        }));
    }

    let cases = counter_cases.iter().map(|(case, path)| {
        let made = made(case, path).to_str().unwrap().to_owned();
        Asked { test: format!("fails::{case}"), scenario: made, counter_case: Some(path.clone()) }
    });
    let passing = scenarios.keys().map(|name| Asked {
        test: format!("passes::{name}"),
        scenario: name.clone(),
        counter_case: None,
    });
    let all: Vec<Asked> = passing.chain(cases).collect();
    // What this machine lacks is said, and the test is shown as ignored.
    let (all, lacking): (Vec<Asked>, Vec<Asked>) =
        all.into_iter().partition(|one| lacks(&scenarios, &one.test).is_none());
    for one in lacking {
        let why = lacks(&scenarios, &one.test).unwrap_or_default();
        if !arguments.list {
            eprintln!("skipped {}: {why}", one.test);
        }
        trials.push(Trial::test(one.test, || Ok(())).with_ignored_flag(true));
    }
    let (chosen, others): (Vec<Asked>, Vec<Asked>) = all.into_iter().partition(|one| is_chosen(&arguments, &one.test));
    let mut lanes: Vec<Vec<Asked>> = (0..LANES).map(|_| Vec::new()).collect();
    for (index, asked) in chosen.into_iter().enumerate() {
        lanes[index % LANES].push(asked);
    }
    let batches: Vec<Arc<Batch>> = lanes
        .iter()
        .enumerate()
        .map(|(index, asked)| {
            let scenarios = asked.iter().map(|one| one.scenario.clone()).collect();
            Arc::new(Batch::new(format!("lane-{}", index + 1), scenarios))
        })
        .collect();
    let company = Arc::new(Company { batches, repeated: AtomicUsize::new(0), began: Instant::now() });
    for (batch, asked) in company.batches.iter().zip(lanes) {
        let any = !asked.is_empty();
        for one in asked {
            let (batch, company) = (batch.clone(), company.clone());
            let trial = Trial::test(one.test.clone(), move || {
                let judged = batch.of(&one.scenario).and_then(|ended| ended.judged(&one));
                match judged {
                    Err(first) if company.may_repeat() => company.repeat(&one, &first),
                    judged => judged,
                }
            });
            trials.push(trial.with_ignored_flag(!built));
        }
        if built && any {
            let batch = batch.clone();
            std::thread::spawn(move || {
                let _ = batch.ran();
            });
        }
        // Whether the runs of a batch leave anything is only known of one that is run anyway.
        let batch = batch.clone();
        let trial = Trial::test(format!("leaves-nothing::{}", batch.name), move || batch.left_nothing());
        trials.push(trial.with_ignored_flag(!built || !any));
    }
    // They are named all the same, so that a list of the tests is whole.
    trials.extend(others.into_iter().map(|one| Trial::test(one.test, || Ok(())).with_ignored_flag(true)));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The YAML files of a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeMap::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect()
}

/// The scenario file that a counter-case makes of its scenario.
fn made(case: &str, path: &Path) -> PathBuf {
    let read = |path: &Path| -> Value { serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let counter_case = read(path);
    let scenario = counter_case["scenario"].as_str().unwrap();
    assert_eq!(scenario, scenario_of(case), "{}: its name begins with that of its scenario", path.display());
    let mut document = read(&repository(&format!("scenarios/{scenario}.yaml")));
    json_patch::merge(&mut document, &counter_case["change"]);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("catalogue").join("counter-cases");
    std::fs::create_dir_all(&folder).unwrap();
    let made = folder.join(format!("{case}.yaml"));
    std::fs::write(&made, serde_json::to_string_pretty(&document).unwrap()).unwrap();
    made
}

/// What this machine lacks for the scenario of a test `passes::SCENARIO` or `fails::SCENARIO--WHAT`.
fn lacks(scenarios: &BTreeMap<String, PathBuf>, test: &str) -> Option<&'static str> {
    let name = scenario_of(test.split_once("::").map_or(test, |(_, name)| name));
    let text = std::fs::read_to_string(scenarios.get(name)?).unwrap();
    let document: Value = serde_saphyr::from_str(&text).unwrap();
    let needs = document["needs"].as_array()?.iter().any(|need| need == "image-registry");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|folder| folder.join("docker-registry").is_file());
    (needs && !there)
        .then_some("needs image-registry: docker-registry is not on PATH (Debian: apt-get install docker-registry)")
}

/// The scenario that a counter-case is of.
fn scenario_of(case: &str) -> &str {
    case.split_once("--").map_or(case, |(scenario, _)| scenario)
}

/// Whether the filters of the command line let a test through, as libtest does it.
fn is_chosen(arguments: &Arguments, name: &str) -> bool {
    let hit = |filter: &String| if arguments.exact { name == filter } else { name.contains(filter.as_str()) };
    !arguments.list && !arguments.ignored && arguments.filter.iter().all(hit) && !arguments.skip.iter().any(hit)
}

/// One run that a test is about.
struct Asked {
    test: String,
    /// A name or a file.
    scenario: String,
    /// Where it must fail, and says why.
    counter_case: Option<PathBuf>,
}

/// All lanes.
struct Company {
    batches: Vec<Arc<Batch>>,
    repeated: AtomicUsize,
    began: Instant,
}

impl Company {
    fn may_repeat(&self) -> bool {
        let company = self.batches.iter().filter(|batch| !batch.asked.is_empty()).count() > 1;
        let in_time = self.began.elapsed() < REPEATED_WITHIN;
        company && in_time && self.repeated.fetch_add(1, Ordering::Relaxed) < REPEATED_MAX
    }

    /// Runs it again when every lane has ended, and judges that run.
    fn repeat(&self, one: &Asked, first: &Failed) -> Result<(), Failed> {
        for batch in self.batches.iter().filter(|batch| !batch.asked.is_empty()) {
            let _ = batch.ran();
        }
        let said = first.message().unwrap_or_default();
        eprintln!("{} failed beside other clusters and is run again alone; what it said:\n{said}", one.test);
        let alone = Batch::new(format!("again-{}", one.test.replace("::", "-")), vec![one.scenario.clone()]);
        alone.of(&one.scenario)?.judged(one)?;
        alone.left_nothing()
    }
}

/// Scenarios that are run together.
struct Batch {
    name: String,
    asked: Vec<String>,
    ran: OnceLock<Ran>,
}

struct Ran {
    folder: PathBuf,
    code: i32,
    suite: Value,
}

impl Ran {
    /// What a run came to.
    fn summary(&self, name: &str) -> Value {
        let text = std::fs::read(self.folder.join(name).join("summary.json")).ok();
        text.map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap())
    }
}

impl Batch {
    fn new(name: String, asked: Vec<String>) -> Self {
        Self { name, asked, ran: OnceLock::new() }
    }

    fn ran(&self) -> &Ran {
        self.ran.get_or_init(|| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("catalogue").join(&self.name);
            let _ = std::fs::remove_dir_all(&folder);
            let status = harness()
                .arg("run")
                .args(&self.asked)
                .args(["--profile", "smoke", "--seed", "7", "--cluster", "none-of-these-tests", "--out"])
                .arg(&folder)
                .stdout(Stdio::null())
                // This takes long: who waits sees how far it is.
                .stderr(Stdio::inherit())
                .status()
                .unwrap();
            let suite = std::fs::read(folder.join("suite.json")).ok();
            let suite = suite.map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap());
            Ran { folder, code: status.code().unwrap_or(-1), suite }
        })
    }

    /// One scenario of them, as it was asked for.
    fn of(&self, scenario: &str) -> Result<One, Failed> {
        let ran = self.ran();
        if self.single() == Some(scenario) {
            return Ok(One { entry: Value::Null, summary: ran.summary("."), folder: ran.folder.clone() });
        }
        let entry = ran.suite["scenarios"].as_array().into_iter().flatten().find(|entry| entry["scenario"] == scenario);
        let entry = entry.ok_or(format!("{scenario} was not run; exit code {}", ran.code))?.clone();
        let name = entry["name"].as_str().unwrap();
        Ok(One { summary: ran.summary(name), folder: ran.folder.join(name), entry })
    }

    /// The one scenario, where it is only one: its folder is that of the run.
    fn single(&self) -> Option<&str> {
        match self.asked.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Neither a process of a cluster nor the reports of the whole are missing.
    fn left_nothing(&self) -> Result<(), Failed> {
        let ran = self.ran();
        let single = self.single().map(|_| ran.summary("."));
        let id = single.as_ref().map_or(&ran.suite["id"], |summary| &summary["run"]["id"]);
        let left = single.as_ref().map_or(&ran.suite["left"], |summary| &summary["leaks"]);
        let processes = processes_of(id.as_str().ok_or("there is no report of it")?);
        if !processes.is_empty() || *left != serde_json::json!([]) {
            return Err(format!("left: {processes:?} {left}").into());
        }
        let reports: &[&str] = match &single {
            Some(_) => &["junit.xml", "report.html", "report.md", "summary.json"],
            None => &["junit.xml", "index.html", "index.md", "index.json"],
        };
        match reports.iter().find(|file| !ran.folder.join(file).is_file()) {
            Some(file) => Err(format!("{file} is missing").into()),
            None => Ok(()),
        }
    }
}

/// What one scenario came to.
struct One {
    entry: Value,
    summary: Value,
    folder: PathBuf,
}

impl One {
    /// Everything that a failure should show.
    fn said(&self) -> String {
        let expectations = self.summary["expectations"].as_array().into_iter().flatten();
        let broken: Vec<&Value> = expectations.filter(|one| one["verdict"] != "pass").collect();
        format!(
            "{}\nexit {}\nreasons {:#}\nexpectations that did not hold {}\nleaks {}\n{}",
            self.folder.display(),
            self.summary["exitCode"],
            self.summary["reasons"],
            serde_json::to_string_pretty(&broken).unwrap(),
            self.summary["leaks"],
            serde_json::to_string_pretty(&self.entry).unwrap(),
        )
    }

    /// Nothing is said against it beside its own verdict.
    fn is_clean(&self) -> bool {
        self.entry["troubles"].is_null() && self.summary["leaks"] == serde_json::json!([])
    }

    /// As it was asked for: passed, or failed for the reason that its counter-case names.
    fn judged(&self, asked: &Asked) -> Result<(), Failed> {
        asked.counter_case.as_deref().map_or_else(|| self.passed(), |case| self.failed(case))
    }

    fn passed(&self) -> Result<(), Failed> {
        let expected = self.summary["verdict"] == "pass" && self.summary["exitCode"] == 0;
        if expected && self.is_clean() { Ok(()) } else { Err(self.said().into()) }
    }

    fn failed(&self, case: &Path) -> Result<(), Failed> {
        let text = std::fs::read_to_string(case).unwrap();
        let words: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .filter_map(|line| line.strip_prefix(FAILS))
            .map(str::trim)
            .collect();
        if words.is_empty() || words.contains(&"") {
            return Err(format!("{}: say why it fails, with first lines `{FAILS} WORDS`", case.display()).into());
        }
        if self.summary["exitCode"] != 1 || !self.is_clean() {
            return Err(format!("it should end with 1\n{}", self.said()).into());
        }
        let reasons = self.summary["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let names = self.summary["expectations"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["verdict"] == "fail")
            .filter_map(|one| one["name"].as_str());
        let said: Vec<&str> = reasons.chain(names).collect();
        match words.iter().find(|words| !said.iter().any(|line| line.contains(*words))) {
            Some(missing) => Err(format!("nothing that failed says `{missing}`\n{}", self.said()).into()),
            None => Ok(()),
        }
    }
}
