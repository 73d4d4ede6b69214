//! The table of what makes each expectation fail.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::engine::Killed;

/// One row for each expectation of a recorded run, as Markdown.
pub(crate) fn markdown(recording: &str, rows: &[(String, Result<Killed, Vec<String>>)]) -> String {
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    for (name, row) in rows {
        let (mutation, verdict, collateral) = match row {
            Ok(it) => {
                (it.mutation.as_str(), format!("{}: {}", it.verdict, it.observed), it.collateral.len().to_string())
            }
            Err(_) => ("**none**", "pass".to_owned(), String::new()),
        };
        let cells = [recording, name, mutation, &verdict, &collateral].map(|cell| cell.replace('|', "\\|"));
        // Writing to a String does not fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

const HEAD: &str = "| scenario | expectation | mutation that killed it | what came of it | related ones that fell too |\n|---|---|---|---|--:|\n";

/// Writes the rows of one recording to `mutations/NAME.md` in the folder of the tests' files.
pub(crate) fn write(recording: &str, rows: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
    fs::create_dir_all(&folder).expect("a folder for the tables");
    fs::write(folder.join(format!("{recording}.md")), format!("{HEAD}{rows}")).expect("a table");
}
