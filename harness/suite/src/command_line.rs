//! The command that repeats a run, as a shell reads it.

use crate::request::{PlanOptions, RunRequest, ScenarioChoice};
use crate::target::Target;

/// A value that every POSIX shell reads back as it is.
pub fn shell_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A word of a command line, quoted where it needs to be.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { shell_quoted(word) }
}

/// The command that repeats the run of one scenario.
pub(crate) fn repeat_run(scenario: &str, options: &PlanOptions, target: &Target, seed: u64) -> String {
    join(vec![scenario.to_owned()], options, target, seed)
}

/// The command that repeats all runs of a suite.
pub(crate) fn repeat_suite(request: &RunRequest, seed: u64) -> String {
    let mut words = match &request.scenarios {
        ScenarioChoice::Named(names) => names.clone(),
        ScenarioChoice::BuiltIn(group) => {
            let group = group.iter().flat_map(|group| ["--group".to_owned(), group.as_str().to_owned()]);
            std::iter::once("--all".to_owned()).chain(group).collect()
        }
    };
    if request.repeat > 1 {
        words.extend(["--repeat".to_owned(), request.repeat.to_string()]);
    }
    join(words, &request.options, &request.target, seed)
}

fn join(what: Vec<String>, options: &PlanOptions, target: &Target, seed: u64) -> String {
    let mut words = vec!["harness".to_owned(), "run".to_owned()];
    words.extend(what);
    words.extend(["--profile".to_owned(), options.profile.to_string()]);
    for parameter in &options.parameters {
        words.extend(["--set".to_owned(), parameter.clone()]);
    }
    if let Some(path) = &options.node_config {
        words.extend(["--node-config".to_owned(), path.display().to_string()]);
    }
    if let Some(path) = &options.root {
        words.extend(["--root".to_owned(), path.display().to_string()]);
    }
    if options.without_aks_defaults {
        words.push("--without-aks-defaults".to_owned());
    }
    if let Some(region) = options.region {
        words.extend(["--region".to_owned(), region.to_string()]);
    }
    words.extend(["--seed".to_owned(), seed.to_string()]);
    if let Target::Kubeconfig(cluster) = target {
        // Without --git-url: it may hold a token.
        words.extend(["--target".to_owned(), target.kind().as_str().to_owned()]);
        let file = cluster.kubeconfig.iter().map(|path| path.display().to_string());
        words.extend(file.flat_map(|path| ["--kubeconfig".to_owned(), path]));
        words.extend(cluster.context.iter().flat_map(|context| ["--context".to_owned(), context.clone()]));
    }
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_plan::{Group, Profile};

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let awkward = "a 'quoted' $HOME `x` \\ \"y\"";
        let script = format!("printf %s {}", shell_quoted(awkward));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), awkward);
    }

    #[test]
    fn a_suite_is_repeated_with_everything_that_decides_its_plans() {
        let mut request = RunRequest::new(ScenarioChoice::BuiltIn(Some(Group::Cost)));
        request.repeat = 3;
        request.options.profile = Profile::Smoke;
        request.options.parameters = vec!["note=two words".to_owned()];
        request.options.region = "westeurope".parse().ok();
        assert_eq!(
            repeat_suite(&request, 7),
            "harness run --all --group cost --repeat 3 --profile smoke --set 'note=two words' --region westeurope --seed 7"
        );
    }
}
