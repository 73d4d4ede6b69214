//! One spec of a suite: how Ginkgo is told to run it alone, and the name of its files.

use std::collections::BTreeMap;

/// One spec.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spec {
    /// The suite's folder.
    pub(crate) suite: String,
    /// The suite's name in Ginkgo, which a focus is compared with as well.
    pub(crate) description: String,
    /// The texts of its containers and its own.
    pub(crate) text: String,
    /// The file that it is in, without its folder.
    pub(crate) file: String,
    /// Where it is in that file. Those that a loop makes share a line.
    pub(crate) line: u32,
}

/// The longest part of a file's name that is made of a text, bytes.
const NAME_MAX: usize = 100;

impl Spec {
    /// The arguments with which Ginkgo runs this spec alone. Two may have one text, and two one line: both are compared
    /// (`ApplyFocusToSpecs` in `internal/focus.go` of Ginkgo).
    pub(crate) fn focus(&self) -> [String; 2] {
        let text = quoted(&format!("{} {}", self.description, self.text));
        [format!("-ginkgo.focus=^{text}$"), format!("-ginkgo.focus-file={}:{}", quoted(&self.file), self.line)]
    }

    /// `suite_test.go:94`
    pub(crate) fn location(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// The name of its files: readable, and the same in every run of one version.
    fn name(&self) -> String {
        let mut name = String::new();
        for word in self.text.to_lowercase().split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
        {
            if name.len() + word.len() >= NAME_MAX {
                break;
            }
            name = if name.is_empty() { word.to_owned() } else { format!("{name}-{word}") };
        }
        format!("{name}-{}", self.line)
    }
}

/// Each spec with the name of its files. Ginkgo cannot run one alone of those that are alike in all: they are one spec here.
pub(crate) fn named(specs: Vec<Spec>) -> Vec<(String, Spec)> {
    let mut all: Vec<(String, Spec)> = Vec::new();
    let mut names: BTreeMap<(String, String), u32> = BTreeMap::new();
    for spec in specs {
        if all.iter().any(|(_, earlier)| *earlier == spec) {
            continue;
        }
        let count = names.entry((spec.suite.clone(), spec.name())).or_default();
        *count += 1;
        let name = if *count == 1 { spec.name() } else { format!("{}-{count}", spec.name()) };
        all.push((name, spec));
    }
    all
}

/// A regular expression of Go that matches this text, as by `regexp.QuoteMeta`.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A spec of the suite `drift`.
    pub(crate) fn spec(text: &str, line: u32) -> Spec {
        let (suite, description, file) = ("drift".to_owned(), "Drift".to_owned(), "suite_test.go".to_owned());
        Spec { suite, description, text: text.to_owned(), file, line }
    }

    #[test]
    fn a_focus_is_exact() {
        let focus = spec("delete (replace) node-1.2?", 94).focus();
        assert_eq!(focus[0], r"-ginkgo.focus=^Drift delete \(replace\) node-1\.2\?$");
        assert_eq!(focus[1], r"-ginkgo.focus-file=suite_test\.go:94");
    }

    #[test]
    fn names_are_unique_and_short() {
        let long = "word ".repeat(50);
        let specs = vec![
            spec("A: b", 1),
            spec("a b!", 1),
            spec("a b", 2),
            spec("A: b", 1),
            Spec { suite: "spot".to_owned(), ..spec("a b", 1) },
            spec(&long, 3),
        ];
        let all = named(specs);
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[..4], ["a-b-1", "a-b-1-2", "a-b-2", "a-b-1"]);
        assert!(names[4].len() < 110 && names[4].ends_with("word-3"), "{names:?}");
    }
}
