//! Computes `summary.json` from a run's folder and says how long that took and how much memory it needed:
//!
//! ```text
//! cargo run --release -p harness-record --example summarize -- DIR > summary.json
//! ```
//!
//! The figures go to stderr; memory is the peak of the process as Linux tells it.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Instant;

use harness_plan::Plan;
use harness_record::{RunResult, Summary};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: summarize DIR")?;
    let folder = Path::new(&folder);
    let start = Instant::now();
    let plan = Plan::from_json(&std::fs::read(folder.join("plan.json"))?)?;
    let log = BufReader::with_capacity(1 << 20, File::open(folder.join("events.jsonl"))?);
    let result = RunResult::read(&plan, log)?;
    print!("{}", Summary::from(&result).to_json()?);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    eprintln!("{} events, {:.2} s, {peak}", result.counts.events, start.elapsed().as_secs_f64());
    Ok(())
}
