//! What is found in several profiles, said once.

use harness_plan::Profile;
use harness_yaml::{Diagnostic, in_order};

/// Every profile, smallest first.
pub const PROFILES: [Profile; 3] = [Profile::Smoke, Profile::Default, Profile::Full];

/// The findings of all profiles, each once and in the order of the file: the same in another profile says nothing new, since it differs by the
/// numbers only. What is not found in all of them says in which it is: a reader who looks at the value of another one sees nothing wrong.
pub fn of_profiles(all: impl IntoIterator<Item = (Profile, Vec<Diagnostic>)>) -> Vec<Diagnostic> {
    let mut found: Vec<(Diagnostic, Vec<Profile>)> = Vec::new();
    for (profile, diagnostics) in all {
        for diagnostic in diagnostics {
            match found.iter_mut().find(|(known, _)| is_same(known, &diagnostic)) {
                Some((_, profiles)) => profiles.push(profile),
                None => found.push((diagnostic, vec![profile])),
            }
        }
    }
    let named = found.into_iter().map(|(mut diagnostic, mut profiles)| {
        profiles.dedup();
        diagnostic.message.push_str(&match profiles.as_slice() {
            [one] => format!(" (profile {one})"),
            [one, other] => format!(" (profiles {one} and {other})"),
            _ => String::new(),
        });
        diagnostic
    });
    in_order(named.collect())
}

fn is_same(one: &Diagnostic, other: &Diagnostic) -> bool {
    let place = |of: &Diagnostic| (of.line, of.column);
    place(one) == place(other) && one.file == other.file && words(&one.message).eq(words(&other.message))
}

/// The words of a message without those that have numbers in them.
fn words(message: &str) -> impl Iterator<Item = &str> {
    message.split(' ').filter(|word| !word.contains(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_yaml::Mark;

    #[test]
    fn what_is_not_in_every_profile_says_in_which() {
        let at = |line, message: &str| Diagnostic::new("a.yaml", Mark { line, column: 1, ..Mark::START }, message);
        let found = of_profiles(PROFILES.map(|profile| {
            let pods = match profile {
                Profile::Smoke => "`a` has 5 pods",
                Profile::Default => "`a` has 90 pods",
                Profile::Full => "`a` has 2k pods",
            };
            let mut found = vec![at(9, pods), at(9, pods)];
            if profile != Profile::Smoke {
                found.push(at(3, "there are no phases"));
            }
            if profile == Profile::Full {
                found.push(at(9, "another error"));
            }
            (profile, found)
        }));
        let messages: Vec<String> = found.into_iter().map(|one| one.message).collect();
        let expected =
            ["there are no phases (profiles default and full)", "`a` has 5 pods", "another error (profile full)"];
        assert_eq!(messages, expected);
    }
}
