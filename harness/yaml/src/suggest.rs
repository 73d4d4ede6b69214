//! "Did you mean".

/// More candidates than this are not listed.
const LISTED_MAX: usize = 20;

/// The candidate that a mistyped word is likely to be.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong: `wihtin`, `podsPerClas`; never a different short word.
    nearest(word, candidates)
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()) / 3)
        .map(|(_, candidate)| candidate)
}

/// How many letters of a misspelt word may be wrong.
const MISSPELT_MAX: usize = 2;

/// The candidate that a word is a misspelling of, for words that need not be among the candidates: two letters may be wrong, and capitals.
pub fn misspelt<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if candidates.clone().into_iter().any(|candidate| candidate == word) {
        return None;
    }
    let (distance, candidate) = nearest(word, candidates)?;
    // Never a different short word.
    (distance <= MISSPELT_MAX.min(candidate.len() / 3)).then_some(candidate)
}

/// The candidate that differs in the fewest letters, and in how many. Of thousands, such as the paths of a tree, only those are compared letter by
/// letter that can be nearer than the nearest so far.
fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let word = word.to_lowercase();
    let letters = Letters::of(&word);
    let with_bounds = candidates.into_iter().map(|candidate| {
        let lower = candidate.to_lowercase();
        (letters.distance_min(&Letters::of(&lower)), candidate, lower)
    });
    let mut with_bounds: Vec<(usize, &str, String)> = with_bounds.collect();
    with_bounds.sort_unstable_by_key(|(distance_min, _, _)| *distance_min);
    let mut nearest: Option<(usize, &str)> = None;
    for (distance_min, candidate, lower) in with_bounds {
        if nearest.is_some_and(|(distance, _)| distance_min > distance) {
            break;
        }
        let found = (strsim::damerau_levenshtein(&word, &lower), candidate);
        nearest = Some(nearest.map_or(found, |nearest| nearest.min(found)));
    }
    nearest
}

/// How often a word has each letter; letters that share a place count as one.
struct Letters([u16; 64]);

impl Letters {
    fn of(word: &str) -> Self {
        let mut counts = [0_u16; 64];
        for letter in word.chars() {
            let count = &mut counts[letter as usize % 64];
            *count = count.saturating_add(1);
        }
        Self(counts)
    }

    /// How many letters two words differ in at least: each change, whatever its kind, adds one letter, takes one away, or both.
    fn distance_min(&self, other: &Self) -> usize {
        let pairs = || self.0.iter().zip(&other.0);
        let more = |(a, b): (&u16, &u16)| usize::from(a.saturating_sub(*b));
        let here: usize = pairs().map(more).sum();
        let there: usize = pairs().map(|(a, b)| more((b, a))).sum();
        here.max(there)
    }
}

/// The hint for a word that is none of the candidates.
pub fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let mut candidates: Vec<&str> = candidates.into_iter().collect();
    let mut seen = std::collections::BTreeSet::new();
    candidates.retain(|candidate| seen.insert(*candidate));
    match closest(word, candidates.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None if candidates.is_empty() => "there is nothing to choose from here".to_owned(),
        None if candidates.len() > LISTED_MAX => {
            let nearest = nearest(word, candidates.iter().copied()).map_or("", |(_, candidate)| candidate);
            format!("of the {} that there are, `{nearest}` is the nearest", candidates.len())
        }
        None => format!("it is one of {}", candidates.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Azure fails with `InternalExecutionError` too: it is not another spelling of what is known.
    #[test]
    fn a_word_of_its_own_is_not_a_misspelling() {
        let known = ["InternalOperationError", "ZonalAllocationFailed", "Failed"];
        assert_eq!(misspelt("ZonalAlocationFailed", known), Some("ZonalAllocationFailed"));
        assert_eq!(misspelt("zonalAllocationFailed", known), Some("ZonalAllocationFailed"));
        assert_eq!(misspelt("ZonalAllocationFailed", known), None);
        assert_eq!(misspelt("InternalExecutionError", known), None);
        assert_eq!(misspelt("Pulled", known), None);
    }

    #[test]
    fn near_misses_are_recognised_and_others_listed() {
        assert_eq!(hint("wihtin", ["until", "within"]), "did you mean `within`?");
        assert_eq!(hint("Scale", ["scale"]), "did you mean `scale`?");
        assert_eq!(hint("xyz", ["until", "within", "until"]), "it is one of until, within");
        let many: Vec<String> = (0..30).map(|number| format!("size-{number}")).collect();
        let many = many.iter().map(String::as_str);
        assert_eq!(hint("Standard_D4s", many), "of the 30 that there are, `size-14` is the nearest");
    }
}
