//! Scenarios that must be refused, by themselves or on the built-in tree, each at the right place with the right message.
//!
//! A fixture is a scenario; its first lines are comments with the expected errors: `# line:column: a part of the message | a part of
//! the hint`. Exactly those errors, in that order. Before, most of what they hold was accepted: the run waited, failed, or passed for no reason.

use crate::common::{lines, refusals};
use rstest::rstest;

#[rstest]
fn refused(#[files("tests/refused/*.yaml")] path: std::path::PathBuf) {
    let text = std::fs::read_to_string(&path).unwrap();
    let expected: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
    assert!(!expected.is_empty(), "the fixture says what it expects in its first lines");
    let found = refusals(&text);
    let as_found = || lines(&found);
    assert_eq!(found.len(), expected.len(), "found:\n{}", as_found());
    for (error, expected) in found.iter().zip(expected) {
        let (place, words) = expected.split_once(": ").expect("line:column: message | hint");
        let (message, hint) = words.split_once(" | ").expect("message | hint");
        assert_eq!(format!("{}:{}", error.line, error.column), place, "found:\n{}", as_found());
        assert!(error.message.contains(message), "`{message}` in:\n{}", as_found());
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "`{hint}` in:\n{}", as_found());
        // The place is also given in bytes, for tools that print the line.
        let before = &text[..error.offset];
        assert_eq!(before.matches('\n').count() + 1, error.line as usize, "{error}");
    }
}
