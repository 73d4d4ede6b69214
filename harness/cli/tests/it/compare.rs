//! `compare`, `--baseline`, `--repeat` and the report over repeated runs, as their users see them. No cluster: the runs are logs of a few lines,
//! in which a push is fetched, applied and healthy.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness;

const MS: u64 = 1_000;

/// The plan of every run here.
static PLAN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let plan = harness().args(["plan", "scale-burst", "--profile", "smoke", "--seed", "7"]).output().unwrap();
    assert!(plan.status.success(), "{}", describe(&plan));
    plan.stdout
});

/// Makes a folder with the plan and log of a run that has these three latencies.
fn run_in(folder: &Path, id: &str, latencies_ms: [u64; 3]) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("plan.json"), &*PLAN).unwrap();
    let [fetched, applied, healthy] = latencies_ms.map(|ms| 111 * MS + ms * MS);
    let object = |kind: &str, uid: u32| json!({"kind": kind, "name": "node-config", "uid": format!("00000000-0000-4000-8000-00000000000{uid}")});
    let at_revision = json!({"revision": "main@sha1:0123456789abcdef0123456789abcdef01234567"});
    let milestone = |object: Value, reached: &str| json!({"milestone": {"object": object, "reached": reached, "attributes": at_revision}});
    let push = json!({"push": {"revision": "0123456789abcdef0123456789abcdef01234567"}});
    let end = healthy + 1_000 * MS;
    let mut events = vec![
        (
            0,
            json!({"run_started": {"version": 1, "harness": "0.1.0", "run_id": id, "scenario": "scale-burst", "target": "local", "seed": 7,
            "started_at": "2026-11-21T12:00:00Z", "command": "harness run scale-burst", "simulated": [], "versions": {}}}),
        ),
        (MS, json!({"phase_began": {"phase": "prepare"}})),
        (
            111 * MS,
            json!({"action": {"phase": "prepare", "what": push, "intended_us": 100 * MS, "sent_us": 101 * MS, "acked_us": 111 * MS}}),
        ),
        (fetched, milestone(object("gitrepository", 1), "fetched")),
        (applied, milestone(object("kustomization", 2), "applied")),
        (healthy, milestone(object("kustomization", 2), "healthy")),
        (end, json!({"phase_ended": {"phase": "prepare", "outcome": "reached"}})),
        (end + MS, json!({"run_ended": {"reason": "completed"}})),
    ];
    events.sort_by_key(|(at, _)| *at);
    let lines: Vec<String> =
        events.into_iter().map(|(at, event)| json!({"t": at, "e": event}).to_string() + "\n").collect();
    std::fs::write(folder.join("events.jsonl"), lines.concat()).unwrap();
}

/// Makes `count` runs that scatter by about a percent, each in its own folder. `factor` multiplies the time until Flux has applied.
fn side(folder: &Path, count: u64, factor: f64) -> PathBuf {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    for index in 0..count {
        let of = |ms: f64, odd: u64| (ms * (1.0 + 0.01 * ((index * odd) % 5) as f64)) as u64;
        run_in(
            &folder.join(format!("run-{index}")),
            &format!("{name}-{index}"),
            [of(300.0, 2), of(900.0 * factor, 3), of(4_000.0, 1)],
        );
    }
    folder.to_owned()
}

/// Deletes what a baseline does not need of each run.
fn strip(folder: &Path) {
    for run in std::fs::read_dir(folder).unwrap() {
        let run = run.unwrap().path();
        harness().arg("report").arg(&run).output().unwrap();
        for file in std::fs::read_dir(&run).unwrap() {
            let file = file.unwrap().path();
            if !["summary.json", "latencies.hlog"].iter().any(|keep| file.ends_with(keep)) {
                std::fs::remove_file(&file).unwrap();
            }
        }
        assert_eq!(std::fs::read_dir(&run).unwrap().count(), 2);
    }
}

fn compare(a: &Path, b: &Path, further: &[&str]) -> Output {
    harness().arg("compare").args([a, b]).args(further).output().unwrap()
}

fn describe(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("exit {:?}\n{}\n{}", output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| Value::String(describe(output)))
}

#[rstest]
#[case::equal(1.0, "same", 0, "SAME  scale-burst")]
#[case::slower(1.5, "regression", 1, "REGRESSION  scale-burst")]
#[case::faster(0.6, "better", 0, "BETTER  scale-burst")]
fn five_runs_a_side_show_a_change(#[case] factor: f64, #[case] change: &str, #[case] code: i32, #[case] start: &str) {
    let folder = tempfile::tempdir().unwrap();
    let a = side(&folder.path().join("a"), 5, 1.0);
    let b = side(&folder.path().join("b"), 5, factor);
    let text = compare(&a, &b, &[]);
    assert_eq!(text.status.code(), Some(code), "{}", describe(&text));
    assert!(String::from_utf8_lossy(&text.stdout).starts_with(start), "{}", describe(&text));

    let output = compare(&a, &b, &["--format", "json"]);
    assert_eq!(output.status.code(), Some(code));
    let all = json_of(&output);
    assert_eq!(
        (&all["version"], &all["change"], &all["exitCode"]),
        (&json!(1), &json!(change), &json!(code)),
        "{all:#}"
    );
    let one = &all["comparisons"][0];
    assert_eq!((&one["basis"], one["before"]["runs"].as_array().unwrap().len()), (&json!("permutation"), 5), "{one:#}");
    let rows = one["rows"].as_array().unwrap();
    let applied = rows.iter().find(|row| row["latency"] == "gitops_applied" && row["percentile"] == 50).unwrap();
    assert_eq!((&applied["gated"], &applied["change"]), (&json!(true), &json!(change)), "{one:#}");
    let ratio = applied["ratio"].as_f64().unwrap();
    assert!((ratio / factor - 1.0).abs() < 0.01, "{applied:#}");
    assert!(applied["interval"][0].as_f64().unwrap() < ratio && ratio < applied["interval"][1].as_f64().unwrap());
    // The others did not change.
    let fetched = rows.iter().find(|row| row["latency"] == "gitops_fetched").unwrap();
    assert_eq!(fetched["change"], "same", "{one:#}");

    // A baseline that keeps two files of each run gives the same result.
    strip(&a);
    let stripped = json_of(&compare(&a, &b, &["--format", "json"]));
    assert_eq!(
        (&stripped["change"], &stripped["comparisons"][0]["reason"]),
        (&json!(change), &one["reason"]),
        "{stripped:#}"
    );
}

#[test]
fn one_run_a_side_is_inconclusive_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let a = side(&folder.path().join("a"), 1, 1.0).join("run-0");
    let b = side(&folder.path().join("b"), 1, 3.0).join("run-0");
    let output = compare(&a, &b, &[]);
    assert_eq!(output.status.code(), Some(4), "{}", describe(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.starts_with("INCONCLUSIVE") && text.contains("no noise is known") && text.contains("--repeat 5"),
        "{text}"
    );
    // Against five runs, the difference is larger than their noise.
    let five = side(&folder.path().join("five"), 5, 1.0);
    let output = compare(&five, &b, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", describe(&output));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("SLOWER THAN THE NOISE"), "{}", describe(&output));
}

/// An error names the file of the baseline and says what to do, and nothing is run.
#[rstest]
#[case::summary("summary.json", Some("{]"), "record a new baseline")]
#[case::summary_of_another_version("summary.json", Some(r#"{"version": 99}"#), "record a new baseline")]
#[case::binary("summary.json", Some("\u{0}\u{1}\u{2}"), "record a new baseline")]
#[case::histograms("latencies.hlog", Some("Tag=x,1,2,3,not-base64!"), "record a new baseline")]
#[case::no_histograms("latencies.hlog", None, "keeps summary.json and latencies.hlog")]
#[case::empty_histograms("latencies.hlog", Some(""), "does not belong to summary.json")]
fn a_damaged_baseline_is_refused(#[case] file: &str, #[case] content: Option<&str>, #[case] hint: &str) {
    let folder = tempfile::tempdir().unwrap();
    let baseline = side(&folder.path().join("baseline"), 2, 1.0);
    strip(&baseline);
    let damaged = baseline.join("run-1").join(file);
    match content {
        Some(content) => std::fs::write(&damaged, content).unwrap(),
        None => std::fs::remove_file(&damaged).unwrap(),
    }
    let later = side(&folder.path().join("later"), 1, 1.0);
    let out = folder.path().join("out");
    let run = harness()
        .args(["run", "scale-burst", "--profile", "smoke", "--baseline"])
        .arg(&baseline)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    for output in [compare(&baseline, &later, &[]), compare(&later, &baseline, &["--format", "json"]), run] {
        assert_eq!(output.status.code(), Some(2), "{}", describe(&output));
        assert!(output.stdout.is_empty(), "{}", describe(&output));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains(damaged.to_str().unwrap()) && stderr.contains(hint), "{stderr}");
    }
    assert!(!out.exists());
}

#[rstest]
#[case::plan("plan.json", "{}")]
#[case::log("events.jsonl", "nonsense\n")]
fn a_damaged_run_is_not_compared(#[case] file: &str, #[case] content: &str) {
    let folder = tempfile::tempdir().unwrap();
    let a = side(&folder.path().join("a"), 1, 1.0);
    std::fs::write(a.join("run-0").join(file), content).unwrap();
    let output = compare(&a, &a, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", describe(&output));
    assert!(describe(&output).contains(file), "{}", describe(&output));
}

#[test]
fn a_folder_without_runs_is_not_a_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty) = (folder.path().join("missing"), folder.path().join("empty"));
    std::fs::create_dir(&empty).unwrap();
    for (baseline, why) in [(&missing, "there is no folder"), (&empty, "holds no run")] {
        let output = compare(baseline, baseline, &[]);
        assert_eq!(output.status.code(), Some(2), "{}", describe(&output));
        assert!(
            describe(&output).contains(why) && describe(&output).contains(baseline.to_str().unwrap()),
            "{}",
            describe(&output)
        );
    }
}

/// The error says what would be valid, and nothing is run.
#[rstest]
#[case::scenario(&["spot", "--profile", "smoke"], "has runs of scale-burst and none of spot")]
#[case::profile(&["scale-burst", "--profile", "full"], "use --profile smoke")]
#[case::seed(&["scale-burst", "--profile", "smoke", "--seed", "8"], "use --seed 7")]
#[case::several(&["spot", "node-drift", "--profile", "smoke"], "none of spot, node-drift")]
fn a_baseline_of_other_runs_is_refused(#[case] words: &[&str], #[case] why: &str) {
    let folder = tempfile::tempdir().unwrap();
    let baseline = side(&folder.path().join("baseline"), 2, 1.0);
    let out = folder.path().join("out");
    let output =
        harness().arg("run").args(words).arg("--baseline").arg(&baseline).arg("--out").arg(&out).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", describe(&output));
    assert!(describe(&output).contains(why), "{}", describe(&output));
    assert!(!out.exists());
}

#[rstest]
#[case::none(&["--repeat", "0"], "--repeat")]
#[case::too_many(&["--repeat", "101"], "--repeat")]
#[case::kept(&["--repeat", "2", "--keep"], "use it with one run")]
fn a_repetition_that_cannot_work_is_refused(#[case] words: &[&str], #[case] why: &str) {
    let output = harness().args(["run", "scale-burst"]).args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", describe(&output));
    assert!(describe(&output).contains(why), "{}", describe(&output));
}

#[test]
fn the_folder_of_repeated_runs_is_a_side_of_a_comparison_and_has_one_report() {
    let folder = tempfile::tempdir().unwrap();
    let repeated = folder.path().join("repeated");
    let names = ["scale-burst", "scale-burst.2", "scale-burst.3"];
    for (name, applied) in names.iter().zip([900, 910, 930]) {
        run_in(&repeated.join(name), name, [300, applied, 4_000]);
    }
    // A run beside them that does not belong to the suite.
    run_in(&repeated.join("logs"), "stranger", [1, 2, 3]);
    let entry = |name: &str, state: Value| json!({"name": name, "scenario": "scale-burst", "group": "scaling", "question": "?", "state": state});
    let mut scenarios: Vec<Value> = names.iter().map(|name| entry(name, json!("ran"))).collect();
    scenarios.push(entry("scale-burst.4", json!({"not-run": {"reason": "interrupted", "exitCode": 130}})));
    let suite_of = |scenarios: &[Value]| {
        json!({"version": 1, "id": "x", "startedAt": "2026-11-21T12:00:00Z", "tookMs": 1, "command": "harness run scale-burst --repeat 4",
        "profile": "smoke", "target": "local", "seed": 7, "scenarios": scenarios, "left": []})
    };
    std::fs::write(repeated.join("suite.json"), suite_of(&scenarios).to_string()).unwrap();

    let all = json_of(&compare(&repeated, &repeated, &["--format", "json"]));
    assert_eq!(all["comparisons"][0]["before"]["runs"], json!(names), "{all:#}");

    // The interrupted one decides the exit code of the whole.
    let output = harness().arg("report").arg(&repeated).output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", describe(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("scale-burst: 3 runs, "), "{}", describe(&output));
    let read = |file: &str| std::fs::read_to_string(repeated.join(file)).unwrap();
    let index: Value = serde_json::from_str(&read("index.json")).unwrap();
    let group = &index["repeated"][0];
    assert_eq!((&group["scenario"], &group["runs"]), (&json!("scale-burst"), &json!(names)), "{index:#}");
    let applied = group["latencies"].as_array().unwrap().iter().find(|it| it["latency"] == "gitops_applied").unwrap();
    assert_eq!((&applied["ms"], &applied["medianMs"]), (&json!([900.0, 910.0, 930.0]), &json!(910.0)), "{applied:#}");
    assert!(read("index.md").contains("**Run to run: scale-burst: 3 runs, "), "{}", read("index.md"));
    assert!(read("index.html").contains("<h2>Run to run</h2>"));
    let junit = read("junit.xml");
    for name in names {
        assert!(junit.contains(&format!("<testsuite name=\"{name}\"")), "{junit}");
        assert!(repeated.join(name).join("report.html").is_file());
    }

    // A name that leads out of the folder is refused, and nothing is written there.
    scenarios.push(entry("../outside", json!("ran")));
    run_in(&folder.path().join("outside"), "stranger", [1, 2, 3]);
    std::fs::write(repeated.join("suite.json"), suite_of(&scenarios).to_string()).unwrap();
    for output in [harness().arg("report").arg(&repeated).output().unwrap(), compare(&repeated, &repeated, &[])] {
        assert_eq!(output.status.code(), Some(2), "{}", describe(&output));
        assert!(
            describe(&output).contains("suite.json") && describe(&output).contains("`../outside`"),
            "{}",
            describe(&output)
        );
    }
    assert!(!folder.path().join("outside/report.html").exists());
}
