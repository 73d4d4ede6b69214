//! The node images that `nodeImageVersions` offers.
//!
//! Image definitions: `pkg/providers/imagefamily/{ubuntu_2204,ubuntu_2404,azlinux,azlinux3}.go` of
//! Azure/karpenter-provider-azure v1.14.0. One version each, the newest, so that no node drifts by itself.

use serde_json::{Value, json};

/// Year and month, then day: the first two parts of each version. The third counts what was published since the start.
const RELEASE: &str = "202608.14";

const UBUNTU: [&str; 9] = [
    "2004gen2fipscontainerd",
    "2004fipscontainerd",
    "2204gen2containerd",
    "2204containerd",
    "2204gen2arm64containerd",
    "2404gen2containerd",
    "2404containerd",
    "2404gen2arm64containerd",
    "2204gen2fipscontainerd",
];

const AZURE_LINUX: [&str; 11] = [
    "V2gen2",
    "V2",
    "V2gen2arm64",
    "V2gen2fips",
    "V2fips",
    "V3gen2",
    "V3",
    "V3gen2arm64",
    "V3gen2fips",
    "V3fips",
    "V3gen2arm64fips",
];

/// The version of every image after so many were published.
pub(crate) fn version(published: u32) -> String {
    format!("{RELEASE}.{published}")
}

/// The image of a machine whose body names none.
pub(crate) fn default_node_image_version(version: &str) -> String {
    format!("AKSUbuntu-2204gen2containerd-{version}")
}

/// The answer of `nodeImageVersions`.
pub(crate) fn node_image_versions(version: &str) -> Value {
    let image = |os: &str, sku: &str| json!({"os": os, "sku": sku, "version": version, "fullName": format!("{os}-{sku}-{version}")});
    let mut value: Vec<Value> = UBUNTU.iter().map(|sku| image("AKSUbuntu", sku)).collect();
    value.extend(AZURE_LINUX.iter().map(|sku| image("AKSAzureLinux", sku)));
    json!({ "value": value })
}
