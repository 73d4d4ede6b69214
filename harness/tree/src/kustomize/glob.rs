//! Patterns with `*`, `?` and `[a-z]`, as `path.Match` of Go has them.

/// Whether a name matches a pattern.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?', '[', '\\']) {
        return pattern == name;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    matches_chars(&pattern, &name)
}

fn matches_chars(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=name.len()).any(|taken| matches_chars(rest, &name[taken..])),
        (['?', rest @ ..], [_, name @ ..]) => matches_chars(rest, name),
        (['[', rest @ ..], [c, name @ ..]) => {
            class(rest, *c).is_some_and(|(matches, rest)| matches && matches_chars(rest, name))
        }
        (['\\', escaped, rest @ ..], [c, name @ ..]) => escaped == c && matches_chars(rest, name),
        ([expected, rest @ ..], [c, name @ ..]) => expected == c && matches_chars(rest, name),
        _ => false,
    }
}

/// Whether a character is of a class, and what follows the class; `None` where it has no end.
fn class(pattern: &[char], c: char) -> Option<(bool, &[char])> {
    let (negated, mut rest) = match pattern {
        ['^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut matches, mut is_first) = (false, true);
    loop {
        match rest {
            [']', rest @ ..] if !is_first => return Some((matches != negated, rest)),
            [low, '-', high, more @ ..] if *high != ']' => {
                matches |= (*low..=*high).contains(&c);
                rest = more;
            }
            [one, more @ ..] => {
                matches |= *one == c;
                rest = more;
            }
            [] => return None,
        }
        is_first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("*.yaml", "a.yaml", true)]
    #[case("a?c", "abc", true)]
    #[case("[a-c]x", "bx", true)]
    #[case("[^a-c]x", "bx", false)]
    #[case("a\\*", "a*", true)]
    #[case("a\\*", "ab", false)]
    #[case("[a", "a", false)]
    fn a_pattern_matches_all_of_a_name(#[case] pattern: &str, #[case] name: &str, #[case] expected: bool) {
        assert_eq!(matches(pattern, name), expected);
    }
}
