//! The files that Flux never sees: source-controller leaves them out of what it fetches.
//!
//! Source: fluxcd/pkg/sourceignore v0.18.0, `sourceignore.go` and `gitignore/pattern.go`, as `gitrepository_controller.go` of
//! source-controller uses it. Its patterns are Git's, but for files below a folder that is left out: a later `!` brings them back.

use std::sync::LazyLock;

use super::glob;
use crate::files::Files;

/// The file that holds patterns for its folder.
const FILE: &str = ".sourceignore";
/// What is left out unless a pattern brings it back: `ExcludeVCS`, `ExcludeExt`, `ExcludeCI` and `ExcludeExtra`.
const BUILT_IN: [&str; 24] = [
    ".git/",
    ".gitignore",
    ".gitmodules",
    ".gitattributes",
    "*.jpg",
    "*.jpeg",
    "*.gif",
    "*.png",
    "*.wmv",
    "*.flv",
    "*.tar.gz",
    "*.zip",
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
    "**/.goreleaser.yml",
    "**/.sops.yaml",
    "**/.flux.yaml",
];

/// Whether Flux leaves a file of a repository out.
pub(crate) fn is_ignored(files: &Files, path: &str) -> bool {
    files.is_left_out(path, || is_left_out(files, path))
}

fn is_left_out(files: &Files, path: &str) -> bool {
    static BUILT_IN_PATTERNS: LazyLock<Vec<Pattern>> =
        LazyLock::new(|| BUILT_IN.iter().map(|text| Pattern::parse(text)).collect());
    let parts: Vec<&str> = path.split('/').collect();
    // The deeper the file with a pattern is, the more it counts; in one file the last pattern does.
    for depth in (0..parts.len()).rev() {
        let (folder, rest) = parts.split_at(depth);
        let file = folder.iter().chain(&[FILE]).copied().collect::<Vec<_>>().join("/");
        let Some(text) = files.text_at(&file) else { continue };
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        if let Some(decided) = decide(lines.map(Pattern::parse).collect::<Vec<_>>().iter(), rest) {
            return decided;
        }
    }
    decide(BUILT_IN_PATTERNS.iter(), &parts).unwrap_or(false)
}

/// What the last pattern that matches says.
fn decide<'p>(patterns: impl DoubleEndedIterator<Item = &'p Pattern>, path: &[&str]) -> Option<bool> {
    patterns.rev().find(|pattern| pattern.matches(path)).map(|pattern| !pattern.includes)
}

/// One line.
#[derive(Debug)]
struct Pattern {
    parts: Vec<String>,
    /// It begins with `!`.
    includes: bool,
    /// It ends with `/`, and so is not the name of a file.
    is_folder: bool,
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let (text, includes) = text.strip_prefix('!').map_or((text, false), |rest| (rest, true));
        let text = if text.ends_with("\\ ") { text } else { text.trim_end_matches(' ') };
        let (text, is_folder) = text.strip_suffix('/').map_or((text, false), |rest| (rest, true));
        Self { parts: text.split('/').map(str::to_owned).collect(), includes, is_folder }
    }

    fn matches(&self, path: &[&str]) -> bool {
        match self.parts.as_slice() {
            [name] => {
                let at = path.iter().position(|part| glob::matches(name, part));
                at.is_some_and(|at| !self.is_folder || at + 1 < path.len())
            }
            parts => self.matches_from_the_top(parts, path),
        }
    }

    fn matches_from_the_top(&self, parts: &[String], mut path: &[&str]) -> bool {
        let (mut matched, mut skips) = (false, false);
        for (at, part) in parts.iter().enumerate() {
            match part.as_str() {
                "" => {
                    skips = false;
                    continue;
                }
                "**" if at + 1 == parts.len() => break,
                "**" => {
                    skips = true;
                    continue;
                }
                part if part.contains("**") => return false,
                _ => {}
            }
            let Some((first, rest)) = path.split_first() else { return false };
            if !std::mem::take(&mut skips) {
                if !glob::matches(part, first) {
                    return false;
                }
                (matched, path) = (true, rest);
                continue;
            }
            match path.iter().position(|name| glob::matches(part, name)) {
                Some(found) => (matched, path) = (true, &path[found + 1..]),
                None => (matched, path) = (false, &[]),
            }
        }
        matched && !(self.is_folder && path.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_file::SourceFile;
    use rstest::rstest;

    /// Before, every YAML file of a tree without a kustomization was said to be applied, and errors were found in those of other tools.
    #[rstest]
    #[case(".github/workflows/ci.yaml", true)]
    #[case("apps/.github/x.yaml", true)]
    #[case(".sops.yaml", true)]
    #[case("apps/.sops.yaml", true)]
    #[case("cloudbuild.yaml", true)]
    #[case("a.png", true)]
    #[case(".gitignore", true)]
    #[case("apps/pool.yaml", false)]
    #[case("github/pool.yaml", false)]
    fn some_files_are_left_out_everywhere(#[case] path: &str, #[case] expected: bool) {
        assert_eq!(is_ignored(&Files::default(), path), expected);
    }

    #[rstest]
    #[case("/*\n!/clusters\n", "apps/a.yaml", true)]
    #[case("/*\n!/clusters\n", "clusters/a.yaml", false)]
    #[case("/*\n!/clusters/\n", "clusters/deep/a.yaml", false)]
    #[case("# all\n*.yaml\n!keep.yaml\n", "a/keep.yaml", false)]
    #[case("*.yaml\n", "a/b.yaml", true)]
    #[case("docs/\n", "docs", false)]
    #[case("docs/\n", "a/docs/b.yaml", true)]
    #[case("/docs\n", "a/docs/b.yaml", false)]
    #[case("a/**/x.yaml\n", "a/b/c/x.yaml", true)]
    #[case("a/**\n", "a/b/c.yaml", true)]
    #[case("[a-c]?.yaml\n", "b1.yaml", true)]
    #[case("[^a-c]?.yaml\n", "b1.yaml", false)]
    #[case("!.sops.yaml\n", ".sops.yaml", false)]
    #[case("a b.yaml   \n", "a b.yaml", true)]
    fn patterns_are_those_of_flux(#[case] patterns: &str, #[case] path: &str, #[case] expected: bool) {
        let files = Files::from(vec![SourceFile::new(FILE, patterns)]);
        assert_eq!(is_ignored(&files, path), expected);
    }

    #[test]
    fn the_pattern_that_is_deepest_counts() {
        let files =
            Files::from(vec![SourceFile::new(FILE, "*.yaml\n"), SourceFile::new(format!("apps/{FILE}"), "!a.yaml\n")]);
        assert!(!is_ignored(&files, "apps/a.yaml"));
        assert!(is_ignored(&files, "apps/b.yaml") && is_ignored(&files, "a.yaml"));
    }
}
