//! `harness validate`.

use std::path::Path;

use crate::args::Validate;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, PASS};
use crate::source;

pub(crate) fn validate(args: &Validate, console: &Console) -> Result<Exit, CliError> {
    let mut worst = None;
    for path in &args.paths {
        match check(path, console) {
            Ok(()) => console.say(&format!("{}: valid", path.display())),
            // Every path is looked at, whatever is wrong with those before it.
            Err(error) => {
                error.show(console);
                worst = Some(error.exit());
            }
        }
    }
    Ok(worst.unwrap_or(PASS))
}

fn check(path: &Path, console: &Console) -> Result<(), CliError> {
    if path.is_dir() {
        return source::tree(Some(path), console).map(drop);
    }
    if !path.exists() {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(CliError::Read { path: path.to_owned(), source: missing });
    }
    source::scenario(&path.to_string_lossy()).map(drop)
}
