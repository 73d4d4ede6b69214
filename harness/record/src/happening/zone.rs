//! Zones have two names.

/// Whether a zone is the one that is asked for: `eastus-1` and `1` are the same.
pub(crate) fn same_zone(known: &str, asked: &str) -> bool {
    let number = |zone: &str| !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_digit());
    let last = |zone: &'_ str| zone.rsplit_once('-').map_or_else(|| zone.to_owned(), |(_, number)| number.to_owned());
    known == asked || (number(asked) && last(known) == asked) || (number(known) && last(asked) == known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("eastus-1", "1", true)]
    #[case("eastus-1", "eastus-1", true)]
    #[case("1", "eastus-1", true)]
    #[case("eastus-1", "2", false)]
    #[case("eastus-1", "westus-1", false)]
    #[case("eastus-11", "1", false)]
    #[case("", "1", false)]
    #[case("eastus-1", "", false)]
    fn a_zone_is_its_number(#[case] known: &str, #[case] asked: &str, #[case] same: bool) {
        assert_eq!(same_zone(known, asked), same);
    }
}
