//! The embedded CRDs.

use std::sync::LazyLock;

use serde::Deserialize;

use harness_yaml::schema::Schema;

/// A custom resource definition of a pinned module.
#[derive(Debug, Deserialize)]
pub(crate) struct Crd {
    /// The module and version that it is from.
    #[cfg_attr(not(test), expect(dead_code, reason = "said in the file, for people"))]
    pub(crate) source: String,
    pub(crate) group: String,
    pub(crate) kind: String,
    /// `Cluster` or `Namespaced`.
    pub(crate) scope: String,
    pub(crate) versions: Vec<Version>,
}

/// One version of a CRD.
#[derive(Debug, Deserialize)]
pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) served: bool,
    pub(crate) deprecated: bool,
    pub(crate) schema: Schema,
}

macro_rules! crds {
    ($($file:literal,)*) => {
        [$(($file, include_str!(concat!("../../crds/", $file, ".json"))),)*]
    };
}

const TEXTS: [(&str, &str); 18] = crds![
    "helm.toolkit.fluxcd.io_helmreleases",
    "image.toolkit.fluxcd.io_imagepolicies",
    "image.toolkit.fluxcd.io_imagerepositories",
    "image.toolkit.fluxcd.io_imageupdateautomations",
    "karpenter.azure.com_aksnodeclasses",
    "karpenter.sh_nodeclaims",
    "karpenter.sh_nodeoverlays",
    "karpenter.sh_nodepools",
    "kustomize.toolkit.fluxcd.io_kustomizations",
    "notification.toolkit.fluxcd.io_alerts",
    "notification.toolkit.fluxcd.io_providers",
    "notification.toolkit.fluxcd.io_receivers",
    "source.toolkit.fluxcd.io_buckets",
    "source.toolkit.fluxcd.io_externalartifacts",
    "source.toolkit.fluxcd.io_gitrepositories",
    "source.toolkit.fluxcd.io_helmcharts",
    "source.toolkit.fluxcd.io_helmrepositories",
    "source.toolkit.fluxcd.io_ocirepositories",
];

static CRDS: LazyLock<Vec<Crd>> =
    LazyLock::new(|| TEXTS.iter().filter_map(|(_, text)| serde_json::from_str(text).ok()).collect());

/// Every embedded CRD. A text that cannot be read is left out, which the tests exclude.
pub(crate) fn all() -> &'static [Crd] {
    &CRDS
}

/// The CRD of a kind.
pub(crate) fn find(group: &str, kind: &str) -> Option<&'static Crd> {
    CRDS.iter().find(|crd| crd.group == group && crd.kind == kind)
}

/// The kinds of Flux's own objects.
pub fn flux_kinds() -> Vec<&'static str> {
    CRDS.iter().filter(|crd| crd.group.ends_with(".toolkit.fluxcd.io")).map(|crd| crd.kind.as_str()).collect()
}

/// The kinds of a group; empty for a group that is not embedded.
pub(crate) fn kinds_of(group: &str) -> Vec<&'static str> {
    CRDS.iter().filter(|crd| crd.group == group).map(|crd| crd.kind.as_str()).collect()
}

/// The version of a kind, where it is served.
pub(crate) fn served(group: &str, kind: &str, version: &str) -> Option<&'static Version> {
    find(group, kind)?.versions.iter().find(|known| known.name == version && known.served)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_is_read() {
        for (name, text) in TEXTS {
            let crd: Crd = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(name.starts_with(&crd.group), "{name}");
            assert!(crd.source.contains(" v"), "{name}: {}", crd.source);
            assert!(crd.versions.iter().any(|version| version.served), "{name}");
        }
        assert_eq!(all().len(), TEXTS.len());
    }

    #[test]
    fn the_pinned_flux_serves_only_what_its_release_serves() {
        let versions = |group: &str, kind: &str| -> Vec<&str> {
            find(group, kind).unwrap().versions.iter().map(|version| version.name.as_str()).collect()
        };
        assert_eq!(versions("kustomize.toolkit.fluxcd.io", "Kustomization"), ["v1"]);
        assert_eq!(versions("notification.toolkit.fluxcd.io", "Provider"), ["v1beta3"]);
        assert_eq!(versions("karpenter.azure.com", "AKSNodeClass"), ["v1alpha2", "v1beta1"]);
        assert!(served("karpenter.sh", "NodePool", "v1beta1").is_none());
    }
}
