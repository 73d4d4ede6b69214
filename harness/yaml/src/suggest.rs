//! "Did you mean".

/// The candidate that a mistyped word is likely to be.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        // A third of the letters may be wrong: `wihtin`, `podsPerClas`; never a different short word.
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The hint for a word that is none of the candidates.
pub fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match closest(word, candidates.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None if candidates.is_empty() => "there is nothing to choose from here".to_owned(),
        None => format!("it is one of {}", candidates.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_recognised_and_others_listed() {
        assert_eq!(hint("wihtin", ["until", "within"]), "did you mean `within`?");
        assert_eq!(hint("Scale", ["scale"]), "did you mean `scale`?");
        assert_eq!(hint("xyz", ["until", "within"]), "it is one of until, within");
    }
}
