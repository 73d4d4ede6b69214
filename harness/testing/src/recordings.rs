//! Recorded runs: `fixtures/recordings/NAME/{plan.json.gz,events.jsonl.gz,verdict.json}`.
//!
//! `ci/record.sh` makes them. Plan and log are those of a real run; `verdict.json` is the part of its `summary.json` that a later
//! harness must still compute from the two.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

/// The files of a run that are kept, compressed.
const FILES: [&str; 2] = ["plan.json", "events.jsonl"];
/// The file that says what the run came to.
pub const VERDICT: &str = "verdict.json";
/// What is taken over from `summary.json`.
const KEPT: [&str; 6] = ["verdict", "exitCode", "reasons", "leaks", "expectations", "latencies"];

/// The folder of all recordings.
pub fn folder() -> PathBuf {
    crate::repository("fixtures/recordings")
}

/// The names of all recordings, sorted. A folder that lacks a file is one too: reading it then fails.
///
/// # Errors
/// When the folder cannot be read.
pub fn names() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder())? {
        let entry = entry?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// `plan.json` or `events.jsonl` of a recording, unpacked, byte for byte.
///
/// # Errors
/// If the recording does not exist or the file is damaged. The error names the file.
pub fn read(name: &str, file: &str) -> io::Result<Vec<u8>> {
    let path = folder().join(name).join(format!("{file}.gz"));
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    GzDecoder::new(fs::read(&path).map_err(failed)?.as_slice()).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Writes `plan.json` and `events.jsonl` of a recording into a folder, which is then one that `harness report` reads.
///
/// # Errors
/// When there is no such recording or a file cannot be written.
pub fn unpack(name: &str, into: &Path) -> io::Result<()> {
    fs::create_dir_all(into)?;
    for file in FILES {
        fs::write(into.join(file), read(name, file)?)?;
    }
    Ok(())
}

/// Makes a recording of the folder of a run; what was there under that name before is replaced. The same run gives the same bytes.
///
/// Controllers name folders of the machine in their messages. The home folder is replaced by `~`.
///
/// # Errors
/// When a file of the run is missing or cannot be read, or the recording cannot be written.
pub fn pack(run: &Path, recording: &Path) -> io::Result<()> {
    let home = std::env::var("HOME").unwrap_or_default();
    let read = |file: &str| Ok::<String, io::Error>(without_home(fs::read_to_string(run.join(file))?, &home));
    let summary: Value = serde_json::from_str(&read("summary.json")?)?;
    fs::create_dir_all(recording)?;
    for file in FILES {
        let mut writer = GzEncoder::new(File::create(recording.join(format!("{file}.gz")))?, Compression::best());
        writer.write_all(read(file)?.as_bytes())?;
        writer.finish()?;
    }
    File::create(recording.join(VERDICT))?.write_all(verdict(&summary).as_bytes())
}

fn without_home(text: String, home: &str) -> String {
    let is_folder = home.starts_with('/') && home.len() > 1;
    if is_folder { text.replace(&format!("{home}/"), "~/") } else { text }
}

/// The kept part of a summary, with each item of a list on one line, so that a diff of two can be read.
fn verdict(summary: &Value) -> String {
    let entries = KEPT.iter().map(|key| match &summary[*key] {
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<String> = items.iter().map(|item| format!("    {item}")).collect();
            format!("  \"{key}\": [\n{}\n  ]", items.join(",\n"))
        }
        value => format!("  \"{key}\": {value}"),
    });
    format!("{{\n{}\n}}\n", entries.collect::<Vec<_>>().join(",\n"))
}

/// How the verdict of a run differs from that of another: one line for each difference, none where they agree. Figures are not compared:
/// two runs never measure the same.
pub fn differences(before: &Value, after: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for key in ["verdict", "exitCode", "leaks", "reasons"] {
        if before[key] != after[key] {
            lines.push(format!("{key}: {} -> {}", before[key], after[key]));
        }
    }
    let expectations = |of: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = of["expectations"].as_array().into_iter().flatten();
        all.map(|one| (text(&one["name"]), text(&one["verdict"]))).collect()
    };
    let (before, after) = (expectations(before), expectations(after));
    for (name, verdict) in &before {
        match after.iter().find(|(other, _)| other == name) {
            None => lines.push(format!("expectation `{name}` is gone; it was {verdict}")),
            Some((_, now)) if now != verdict => lines.push(format!("expectation `{name}`: {verdict} -> {now}")),
            Some(_) => {}
        }
    }
    for (name, verdict) in &after {
        if !before.iter().any(|(other, _)| other == name) {
            lines.push(format!("expectation `{name}` is new: {verdict}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn summary(verdict: &str, expectations: &[(&str, &str)]) -> Value {
        let expectations: Vec<Value> =
            expectations.iter().map(|(name, verdict)| json!({"name": name, "verdict": verdict})).collect();
        json!({"verdict": verdict, "exitCode": 0, "reasons": [], "leaks": [], "expectations": expectations,
            "latencies": [{"name": "pod_ready", "p50": 1.5}], "run": {"id": "x"}})
    }

    #[test]
    fn a_packed_run_is_unpacked_again() {
        let temp = tempfile::tempdir().unwrap();
        let (run, recording) = (temp.path().join("run"), temp.path().join("recording"));
        fs::create_dir(&run).unwrap();
        fs::write(run.join("plan.json"), "{}\n").unwrap();
        fs::write(run.join("events.jsonl"), "{\"t\":1}\n".repeat(1000)).unwrap();
        fs::write(run.join("summary.json"), summary("pass", &[("fleet", "pass")]).to_string()).unwrap();
        pack(&run, &recording).unwrap();
        let first = fs::read(recording.join("events.jsonl.gz")).unwrap();
        assert!(first.len() < 200, "{} bytes", first.len());
        pack(&run, &recording).unwrap();
        assert_eq!(fs::read(recording.join("events.jsonl.gz")).unwrap(), first);
        let text = fs::read_to_string(recording.join(VERDICT)).unwrap();
        let verdict: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&verdict["verdict"], &verdict["run"]), (&json!("pass"), &Value::Null));
        assert_eq!(text.lines().filter(|line| line.contains("\"pod_ready\"")).count(), 1);

        fs::remove_file(run.join("plan.json")).unwrap();
        assert!(pack(&run, &recording).is_err());
    }

    #[test]
    fn the_home_folder_is_left_out() {
        assert_eq!(without_home("stat /home/me/.cache/x".into(), "/home/me"), "stat ~/.cache/x");
        for home in ["", "/", "me"] {
            assert_eq!(without_home("stat /home/me/.cache/x".into(), home), "stat /home/me/.cache/x");
        }
    }

    #[test]
    fn differences_are_those_of_verdicts() {
        let before = summary("pass", &[("a", "pass"), ("b", "pass"), ("c", "pass")]);
        assert_eq!(differences(&before, &before), Vec::<String>::new());
        let mut faster = before.clone();
        faster["latencies"][0]["p50"] = json!(0.5);
        assert_eq!(differences(&before, &faster), Vec::<String>::new());
        let after = summary("fail", &[("a", "pass"), ("b", "fail"), ("d", "pass")]);
        assert_eq!(
            differences(&before, &after),
            [
                "verdict: \"pass\" -> \"fail\"",
                "expectation `b`: pass -> fail",
                "expectation `c` is gone; it was pass",
                "expectation `d` is new: pass",
            ]
        );
    }
}
