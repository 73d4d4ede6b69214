//! Which starts configure one cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::kustomization::KustomizationId;

/// Something that stands at a path and brings Kustomizations.
pub(super) struct Placed<T> {
    pub(super) folder: String,
    pub(super) ids: BTreeSet<KustomizationId>,
    pub(super) what: T,
}

/// Puts together what belongs to one cluster: a cluster has each Kustomization once, so that folders in which one comes twice, such as
/// `clusters/production` beside `clusters/staging`, are different clusters.
pub(super) fn grouped<T>(items: Vec<Placed<T>>) -> Vec<Vec<T>> {
    let mut groups = Vec::new();
    split(items, 0, &mut groups);
    groups
}

fn split<T>(items: Vec<Placed<T>>, depth: usize, groups: &mut Vec<Vec<T>>) {
    let mut seen = BTreeSet::new();
    let unique = items.iter().flat_map(|item| &item.ids).all(|id| seen.insert(id.clone()));
    if unique || items.len() == 1 {
        if !items.is_empty() {
            groups.push(items.into_iter().map(|item| item.what).collect());
        }
        return;
    }
    let mut parts: BTreeMap<Option<String>, Vec<Placed<T>>> = BTreeMap::new();
    for item in items {
        let part = item.folder.split('/').filter(|part| !part.is_empty()).nth(depth).map(str::to_owned);
        parts.entry(part).or_default().push(item);
    }
    for (part, items) in parts {
        match part {
            Some(_) => split(items, depth + 1, groups),
            // Side by side in one folder: each is a cluster of its own.
            None => groups.extend(items.into_iter().map(|item| vec![item.what])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(folder: &'static str, names: &[&str]) -> Placed<String> {
        let id = |name: &&str| KustomizationId { namespace: "flux-system".to_owned(), name: (*name).to_owned() };
        let what = format!("{folder}:{}", names.join("+"));
        Placed { folder: folder.to_owned(), ids: names.iter().map(id).collect(), what }
    }

    #[test]
    fn folders_with_the_same_kustomization_are_different_clusters() {
        let items = vec![
            placed("clusters/production", &["infrastructure"]),
            placed("clusters/production", &["apps"]),
            placed("clusters/staging/a", &["infrastructure"]),
            placed("clusters/staging/b", &["apps"]),
        ];
        assert_eq!(
            grouped(items),
            [
                ["clusters/production:infrastructure", "clusters/production:apps"],
                ["clusters/staging/a:infrastructure", "clusters/staging/b:apps"]
            ]
        );
        assert_eq!(grouped(vec![placed("a", &["x"]), placed("b/c", &["y"])]), [["a:x", "b/c:y"]]);
        assert_eq!(grouped(vec![placed("a", &["x"]), placed("a", &["x"])]), [["a:x"], ["a:x"]]);
    }
}
