//! `harness components`.

use harness_components::{self as components, BuildOptions, BuildScope, CacheFolder};
use harness_suite::{ExitCode, build_components};

use crate::args::{Components, ComponentsCommand};
use crate::console::Console;
use crate::error::CliError;
use crate::progress::ConsoleProgress;

pub(super) async fn components(args: Components, console: &Console) -> Result<ExitCode, CliError> {
    match args.command {
        ComponentsCommand::Build { keep_build_cache, private_module_cache } => {
            let mut options = BuildOptions::from_env()?;
            options.scope = BuildScope::Everything;
            options.keep_build_cache = keep_build_cache;
            options.private_module_cache = private_module_cache;
            build_components(&options, &ConsoleProgress::new(console)).await?;
        }
        ComponentsCommand::List => list(console)?,
        ComponentsCommand::Key => key(console)?,
    }
    Ok(ExitCode::Passed)
}

fn list(console: &Console) -> Result<(), CliError> {
    let listed = components::list(&CacheFolder::from_env()?);
    if console.json() {
        return Ok(console.json_data(&listed)?);
    }
    let rows = listed.iter().map(|row| {
        let state = match row.bytes {
            Some(bytes) if row.built => format!("built, {} MB", bytes / 1_000_000),
            _ => "not built".to_owned(),
        };
        format!("{:<24} {:<10} {:<12} {:<16} {}", row.name, row.version, row.licence, state, row.role)
    });
    Ok(console.data(&rows.collect::<Vec<_>>().join("\n"))?)
}

fn key(console: &Console) -> Result<(), CliError> {
    let key = components::set_key();
    if !console.json() {
        return Ok(console.data(&key)?);
    }
    let folder = CacheFolder::from_env()?.set(&key);
    Ok(console.json_data(&serde_json::json!({"key": key, "folder": folder}))?)
}
