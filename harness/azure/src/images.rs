//! The node images that `nodeImageVersions` offers, and what runs on a node of each.
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

/// The image after one, by its name: as its third part counts what was published, it is the one that will be published next.
pub(crate) fn newer(name: &str) -> String {
    let next = |(rest, count): (&str, &str)| Some(format!("{rest}.{}", count.parse::<u64>().ok()? + 1));
    name.rsplit_once('.').and_then(next).unwrap_or_else(|| format!("{name}.1"))
}

/// The answer of `nodeImageVersions`.
pub(crate) fn node_image_versions(version: &str) -> Value {
    let image = |os: &str, sku: &str| json!({"os": os, "sku": sku, "version": version, "fullName": format!("{os}-{sku}-{version}")});
    let mut value: Vec<Value> = UBUNTU.iter().map(|sku| image("AKSUbuntu", sku)).collect();
    value.extend(AZURE_LINUX.iter().map(|sku| image("AKSAzureLinux", sku)));
    json!({ "value": value })
}

/// A node image by the name that a machine has for it, `AKSUbuntu-2204gen2containerd-202608.14.0`.
///
/// Names and ids: `GetAKSMachineNodeImageVersionFromSIGImageID` in `pkg/utils/image.go` and `BuildImageIDSIG` in
/// `pkg/providers/imagefamily/nodeimage.go` of Azure/karpenter-provider-azure v1.14.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeImage<'a> {
    gallery: &'a str,
    definition: &'a str,
    version: &'a str,
}

/// What an image brings along. The newest that nodes of public AKS clusters were seen with by September 2026 (`kubectl get nodes -o wide` in
/// public repositories, KubeArmor issue 2606 among them); of Ubuntu 20.04 and Azure Linux 2, which only FIPS and old clusters use, none
/// was, so that the build of the kernel is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OperatingSystem {
    /// The value of `kubernetes.azure.com/os-sku-effective`.
    pub(crate) effective_sku: &'static str,
    pub(crate) os_image: &'static str,
    pub(crate) kernel: &'static str,
    pub(crate) containerd: &'static str,
}

const UBUNTU_2404: OperatingSystem = OperatingSystem {
    effective_sku: "Ubuntu2404",
    os_image: "Ubuntu 24.04.5 LTS",
    kernel: "6.8.0-1067-azure",
    containerd: "containerd://2.3.3-2",
};

const UBUNTU_2204: OperatingSystem = OperatingSystem {
    effective_sku: "Ubuntu2204",
    os_image: "Ubuntu 22.04.5 LTS",
    kernel: "5.15.0-1110-azure",
    containerd: "containerd://1.7.31-1",
};

const UBUNTU_2004: OperatingSystem = OperatingSystem {
    effective_sku: "Ubuntu2004",
    os_image: "Ubuntu 20.04.6 LTS",
    kernel: "5.4.0-azure-fips",
    containerd: "containerd://1.7.31-1",
};

const AZURE_LINUX_3: OperatingSystem = OperatingSystem {
    effective_sku: "AzureLinux3",
    os_image: "Microsoft Azure Linux 3.0",
    kernel: "6.6.150.1-1.azl3",
    containerd: "containerd://2.2.4",
};

const AZURE_LINUX_2: OperatingSystem = OperatingSystem {
    effective_sku: "AzureLinux2",
    os_image: "CBL-Mariner/Linux",
    kernel: "5.15.0-cm2",
    containerd: "containerd://1.6.26",
};

impl OperatingSystem {
    /// What the newest image of an OS SKU brings along.
    pub(crate) fn of_sku(os_sku: &str) -> Self {
        match os_sku {
            sku if sku.starts_with("AzureLinux") => AZURE_LINUX_3,
            "Ubuntu2404" => UBUNTU_2404,
            _ => UBUNTU_2204,
        }
    }
}

impl<'a> NodeImage<'a> {
    /// The image of this name; `None` where the name is not of this form.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let (gallery, rest) = name.split_once('-')?;
        let (definition, version) = rest.rsplit_once('-')?;
        Some(Self { gallery, definition, version })
    }

    /// The resource id of its version in AKS's gallery. Here the gallery is in the cluster's own subscription; the provider finds it by
    /// `SIG_SUBSCRIPTION_ID`.
    pub(crate) fn id(&self, subscription: &str) -> String {
        let Self { gallery, definition, version } = self;
        // `AKS-Ubuntu` and `AKS-AzureLinux`: `pkg/providers/imagefamily/consts.go`.
        let group = gallery.strip_prefix("AKS").map_or((*gallery).to_owned(), |os| format!("AKS-{os}"));
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/galleries/{gallery}/images/{definition}/versions/{version}"
        )
    }

    /// `V1` or `V2`, which the definition says.
    pub(crate) fn hyper_v_generation(&self) -> &'static str {
        if self.definition.contains("gen2") { "V2" } else { "V1" }
    }

    /// What runs on a node of it.
    pub(crate) fn operating_system(&self) -> OperatingSystem {
        match self.definition {
            d if d.starts_with("V3") => AZURE_LINUX_3,
            d if d.starts_with("V2") => AZURE_LINUX_2,
            d if d.starts_with("2404") => UBUNTU_2404,
            d if d.starts_with("2004") => UBUNTU_2004,
            _ => UBUNTU_2204,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_the_version_in_the_gallery() {
        let image = NodeImage::parse("AKSUbuntu-2404gen2containerd-202608.14.0").unwrap();
        assert_eq!(
            image.id("S"),
            "/subscriptions/S/resourceGroups/AKS-Ubuntu/providers/Microsoft.Compute/galleries/AKSUbuntu/images/2404gen2containerd/versions/202608.14.0"
        );
        assert_eq!((image.hyper_v_generation(), image.operating_system().effective_sku), ("V2", "Ubuntu2404"));
        let mariner = NodeImage::parse("AKSAzureLinux-V3fips-202608.14.0").unwrap();
        assert!(mariner.id("S").contains("/resourceGroups/AKS-AzureLinux/"));
        assert_eq!((mariner.hyper_v_generation(), mariner.operating_system().effective_sku), ("V1", "AzureLinux3"));
        assert_eq!(NodeImage::parse("image"), None);
    }

    #[test]
    fn a_newer_image_is_the_one_that_is_published_next() {
        let name = |count| default_node_image_version(&version(count));
        assert_eq!(newer(&name(9)), name(10));
        assert_eq!(newer("image"), "image.1");
    }

    #[test]
    fn every_offered_image_is_one_whose_name_can_be_read() {
        for image in node_image_versions(&version(0))["value"].as_array().unwrap() {
            let name = image["fullName"].as_str().unwrap();
            let parsed = NodeImage::parse(name).unwrap();
            assert_eq!(
                (parsed.gallery, parsed.definition),
                (image["os"].as_str().unwrap(), image["sku"].as_str().unwrap())
            );
        }
    }
}
