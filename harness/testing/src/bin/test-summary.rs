//! Sums JUnit files up: the slowest tests, what was skipped and why, what was flaky. More flaky tests than allowed are a failure.
//!
//! `test-summary [--flaky-max N] FILE...` exits with 1 when a test failed or too many were flaky, and with 2 when a file cannot be read.

use std::process::ExitCode;

use harness_testing::junit::{Outcome, TestCase, read};

/// How many of the slowest tests are shown.
const SLOWEST: usize = 10;

fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)) {
        Ok((flaky_max, files)) => summarize(flaky_max, &files).unwrap_or_else(|error| fail(&error)),
        Err(error) => fail(&format!("{error}; usage: test-summary [--flaky-max N] FILE...")),
    }
}

fn fail(error: &str) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(2)
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<(usize, Vec<String>), String> {
    let (mut flaky_max, mut files) = (0, Vec::new());
    while let Some(word) = words.next() {
        if word == "--flaky-max" {
            let value = words.next().ok_or("--flaky-max needs a number")?;
            flaky_max = value.parse().map_err(|_| format!("--flaky-max {value} is not a number"))?;
        } else {
            files.push(word);
        }
    }
    if files.is_empty() { Err("no file given".to_owned()) } else { Ok((flaky_max, files)) }
}

fn summarize(flaky_max: usize, files: &[String]) -> Result<ExitCode, String> {
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
        cases.extend(read(&text).map_err(|error| format!("{file} is not a JUnit file: {error}"))?);
    }
    if cases.is_empty() {
        return Err("the files hold no test".to_owned());
    }
    let of =
        |wanted: fn(&Outcome) -> bool| -> Vec<&TestCase> { cases.iter().filter(|it| wanted(&it.outcome)).collect() };
    let failed = of(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = of(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let flaky = of(|outcome| matches!(outcome, Outcome::Flaky(_)));

    let mut slowest: Vec<&TestCase> = cases.iter().collect();
    slowest.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    println!("the {} slowest of {} tests:", SLOWEST.min(slowest.len()), cases.len());
    for case in slowest.iter().take(SLOWEST) {
        println!("  {:8.2} s  {}", case.seconds, case.name);
    }
    for (what, found) in [("skipped", &skipped), ("flaky", &flaky), ("failed", &failed)] {
        println!("{what}: {}", found.len());
        for case in found {
            println!("  {}: {}", case.name, case.outcome.reason());
        }
    }
    let passed = cases.len() - failed.len() - skipped.len();
    println!("{passed} passed, {} failed, {} skipped", failed.len(), skipped.len());
    if flaky.len() > flaky_max {
        println!("{} tests were flaky, at most {flaky_max} may be: find the cause", flaky.len());
    }
    Ok(ExitCode::from(u8::from(!failed.is_empty() || flaky.len() > flaky_max)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> impl Iterator<Item = String> {
        line.split_whitespace().map(str::to_owned)
    }

    #[test]
    fn reads_its_arguments() {
        assert_eq!(arguments(words("--flaky-max 1 a.xml b.xml")).unwrap(), (1, vec!["a.xml".into(), "b.xml".into()]));
        assert!(arguments(words("--flaky-max many a.xml")).unwrap_err().contains("many"));
        assert!(arguments(words("--flaky-max")).is_err() && arguments(words("")).is_err());
    }

    #[test]
    fn too_many_flaky_tests_fail() {
        let folder = std::env::temp_dir().join(format!("test-summary-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("junit.xml");
        let case = "<testcase name='x' classname='c' time='1'><flakyFailure message='late'/></testcase>";
        std::fs::write(&file, format!("<testsuites><testsuite name='s'>{case}</testsuite></testsuites>")).unwrap();
        let files = [file.to_str().unwrap().to_owned()];
        assert_eq!(summarize(1, &files), Ok(ExitCode::SUCCESS));
        assert_eq!(summarize(0, &files), Ok(ExitCode::FAILURE));
        std::fs::write(&file, "<testsuites/>").unwrap();
        assert!(summarize(0, &files).unwrap_err().contains("no test"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(summarize(0, &files).unwrap_err().contains("cannot read"));
    }
}
