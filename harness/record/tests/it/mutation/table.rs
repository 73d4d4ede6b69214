//! The table of what makes each expectation fail.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::engine::Killed;

/// A claim of an expectation, and what refuted it.
pub(crate) struct Row {
    pub(crate) expectation: String,
    /// Which part of it; empty where it has one alone.
    pub(crate) claim: String,
    pub(crate) killed: Result<Killed, Vec<String>>,
}

/// The rows of a recorded run, as Markdown.
pub(crate) fn markdown(recording: &str, rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { expectation, claim, killed } in rows {
        let (mutation, verdict, collateral) = match killed {
            Ok(it) => {
                (it.mutation.as_str(), format!("{}: {}", it.verdict, it.observed), it.collateral.len().to_string())
            }
            Err(_) => ("**none**", "pass".to_owned(), String::new()),
        };
        let cells = [recording, expectation, claim, mutation, &verdict, &collateral];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        // Writing to a String does not fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

const HEAD: &str = "| scenario | expectation | claim | mutation that killed it | result | related ones that failed too |\n\
                    |---|---|---|---|---|--:|\n";

/// Writes the rows of one recording to `mutations/NAME.md` in the folder of the tests' files.
pub(crate) fn write(recording: &str, rows: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
    fs::create_dir_all(&folder).expect("a folder for the tables");
    fs::write(folder.join(format!("{recording}.md")), format!("{HEAD}{rows}")).expect("a table");
}
