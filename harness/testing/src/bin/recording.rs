//! Makes a recorded run of the folder of a run, and shows how its verdict differs from the recording that was there before.
//!
//! `recording RUN_FOLDER NAME` writes `fixtures/recordings/NAME`. `ci/record.sh` calls it.

use std::path::Path;
use std::process::ExitCode;

use harness_testing::recordings::{VERDICT, differences, folder, pack};
use serde_json::Value;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [run, name] = words.as_slice() else {
        eprintln!("usage: recording RUN_FOLDER NAME");
        return ExitCode::from(2);
    };
    match record(Path::new(run), name) {
        Ok(lines) => {
            println!("{name}: {}", lines.join("\n  "));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: cannot record {run} as {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn record(run: &Path, name: &str) -> std::io::Result<Vec<String>> {
    let recording = folder().join(name);
    let verdict =
        || -> std::io::Result<Value> { Ok(serde_json::from_slice(&std::fs::read(recording.join(VERDICT))?)?) };
    let before = verdict().ok();
    pack(run, &recording)?;
    let after = verdict()?;
    Ok(match before {
        None => vec![format!(
            "new, {} with {} expectations",
            after["verdict"],
            after["expectations"].as_array().map_or(0, Vec::len)
        )],
        Some(before) => {
            let lines = differences(&before, &after);
            if lines.is_empty() {
                vec!["same verdict".to_owned()]
            } else {
                [vec!["differs".to_owned()], lines].concat()
            }
        }
    })
}
