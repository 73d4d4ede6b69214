//! Components, and what building them needs: Go, Git, disk.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use super::check::{Check, Options};
use crate::{
    BuildError, Missing, Tools, disk_needs, expected_build, find_program, human, in_cache, locate, missing_modules,
    required_go,
};
use harness_catalogue::{MODULES, Module};

/// `GIT_CONFIG_GLOBAL`, which keeps the user's own settings out, came with 2.32 (its release notes).
const OLDEST_GIT: (u32, u32) = (2, 32);

const GIT_LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn all(options: &Options) -> Vec<Check> {
    let missing = match &options.bin_dir {
        Some(_) => Vec::new(),
        None => missing_modules(&options.cache),
    };
    let tools = Tools::find(&options.search_path).await;
    vec![
        components(options, &missing),
        go(&tools, missing.is_empty()),
        git(options).await,
        cache_folder(options),
        disk(options, tools.ok().as_ref(), &missing),
    ]
}

fn components(options: &Options, missing: &[&'static Module]) -> Check {
    const NAME: &str = "components";
    let found = match &options.bin_dir {
        Some(folder) => locate(Some(folder)),
        None => in_cache(&options.cache),
    };
    match found {
        Ok(set) => Check::ok(NAME, format!("all there, in {}", set.folder().display())),
        Err(error @ Missing::Incomplete { .. }) => {
            Check::fail(NAME, error.to_string(), "add what is missing, or leave --bin-dir away to build the components")
        }
        Err(error) if missing.is_empty() => {
            Check::warn(NAME, error.to_string(), "`harness components build` puts the set together in a few seconds")
        }
        Err(_) => {
            let minutes = expected_build(missing).as_secs().div_ceil(60);
            let names: Vec<&str> = missing.iter().map(|module| module.name).collect();
            Check::warn(
                NAME,
                format!("{} of {} modules not built yet: {}", missing.len(), MODULES.len(), names.join(", ")),
                format!("`harness components build`, or the first run, builds them: about {minutes} min"),
            )
        }
    }
}

fn go(tools: &Result<Tools, BuildError>, nothing_to_build: bool) -> Check {
    const NAME: &str = "go";
    match tools {
        Ok(tools) => Check::ok(NAME, format!("{} at {}", tools.go_version, tools.go.display())),
        // Go was found; what is missing has a check of its own.
        Err(BuildError::NoGit) => Check::ok(NAME, "found"),
        Err(error) => {
            let advice = format!("install Go {} or newer from https://go.dev/dl/", required_go());
            if nothing_to_build {
                let detail = format!("{error}; not needed now: the components are built");
                Check::warn(NAME, detail, advice)
            } else {
                Check::fail(NAME, error.to_string(), advice)
            }
        }
    }
}

async fn git(options: &Options) -> Check {
    const NAME: &str = "git";
    let advice = "install the full Git package of your distribution, for example `apt-get install git`";
    let Some(git) = find_program("git", &options.search_path) else {
        return Check::fail(NAME, "no `git` on PATH", advice);
    };
    let ask = async |argument: &str| -> Option<String> {
        let output = Command::new(&git).arg(argument).env("PATH", &options.search_path).kill_on_drop(true).output();
        let output = tokio::time::timeout(GIT_LIMIT, output).await.ok()?.ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    };
    let (Some(version), Some(folder)) = (ask("--version").await, ask("--exec-path").await) else {
        let detail = format!("{} does not answer", git.display());
        return Check::fail(NAME, detail, advice);
    };
    let backend = PathBuf::from(folder).join("git-http-backend");
    if git_version(&version).is_none_or(|found| found < OLDEST_GIT) {
        let (major, minor) = OLDEST_GIT;
        let detail = format!("{version}, {major}.{minor} or newer needed");
        Check::fail(NAME, detail, advice)
    } else if backend.is_file() {
        Check::ok(NAME, format!("{version} with http-backend"))
    } else {
        let detail = format!("{version} without http-backend ({})", backend.display());
        Check::fail(NAME, detail, advice)
    }
}

fn cache_folder(options: &Options) -> Check {
    const NAME: &str = "cache folder";
    match options.cache.check_writable() {
        Ok(()) => Check::ok(NAME, options.cache.root().display().to_string()),
        Err(error) => Check::fail(NAME, error.to_string(), "make it writable or set HARNESS_CACHE_DIR"),
    }
}

fn disk(options: &Options, tools: Option<&Tools>, missing: &[&'static Module]) -> Check {
    const NAME: &str = "disk";
    // Without Go its module cache is unknown; the cache folder's disk is the best guess.
    let module_cache = tools.map_or(options.cache.root(), |tools| tools.module_cache.as_path());
    let needs = match disk_needs(&options.cache, module_cache, missing) {
        Ok(needs) => needs,
        Err(error) => return Check::warn(NAME, error.to_string(), "check the disk by hand"),
    };
    if let Some(error) = needs.iter().find_map(|need| need.check().err()) {
        let advice = "free some space, or set HARNESS_CACHE_DIR (and GOMODCACHE) to a larger disk";
        return Check::fail(NAME, error.to_string(), advice);
    }
    let details: Vec<String> = needs
        .iter()
        .map(|need| format!("{} free of {} needed for {}", human(need.free_bytes), human(need.need_bytes), need.what))
        .collect();
    if details.is_empty() { Check::ok(NAME, "nothing to build") } else { Check::ok(NAME, details.join("; ")) }
}

/// Major and minor of `git version 2.39.5 (Apple Git-154)`.
fn git_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(2)?.split('.');
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_git_versions() {
        assert_eq!(git_version("git version 2.39.5"), Some((2, 39)));
        assert_eq!(git_version("git version 2.50.1 (Apple Git-155)"), Some((2, 50)));
        assert_eq!(git_version("git version 3.0.rc1"), Some((3, 0)));
        assert_eq!(git_version("command not found"), None);
    }
}
