//! The names of quotas.

pub(crate) const QUOTA_HINT: &str =
    "name a family by its letters (F, NC) or its quota (standardFSv2Family), or write regional or spot";

/// Whether a quota can have this name: `regional`, `spot`, a family's letters (`F`) or a quota family (`standardFSv2Family`).
pub fn is_quota_scope(name: &str) -> bool {
    let letters = name.len() <= 3 && !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase());
    letters || ["regional", "spot"].contains(&name) || name.len() > "Family".len() && name.ends_with("Family")
}
