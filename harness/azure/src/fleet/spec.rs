//! The machine that a PUT body describes, and the names that follow from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::os_disk::{DiskError, OsDisk, default_size_gib};
use crate::catalogue::Sku;
use crate::config::Config;
use crate::documents::cluster_digits;
use crate::facts::VmRef;
use crate::prices::Prices;
use harness_simulation::CapacityType;

/// The tag in which NAP names the NodeClaim (`pkg/providers/launchtemplate/tags.go`).
pub(crate) const NODECLAIM_TAG: &str = "karpenter.azure.com_aksmachine_nodeclaim";
/// The tag in which NAP names the NodePool.
pub(crate) const NODEPOOL_TAG: &str = "karpenter.sh_nodepool";
const NODEPOOL_LABEL: &str = "karpenter.sh/nodepool";

/// Pods per node of Azure CNI overlay, when the body does not say.
const DEFAULT_MAX_PODS: u32 = 250;

/// The part of a machine's properties that the simulator acts on; the whole body is kept and echoed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    hardware: Hardware,
    operating_system: OperatingSystem,
    kubernetes: Kubernetes,
    network: Network,
    security: SecurityProfile,
    #[serde(rename = "localDNSProfile")]
    local_dns_profile: Option<LocalDnsProfile>,
    priority: Option<String>,
    mode: Option<String>,
    tags: Option<BTreeMap<String, Option<String>>>,
    node_image_version: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Hardware {
    vm_size: Option<String>,
    ultra_ssd_enabled: Option<bool>,
    gpu_profile: Option<GpuProfile>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GpuProfile {
    driver: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Network {
    #[serde(rename = "vnetSubnetID")]
    vnet_subnet_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SecurityProfile {
    enable_encryption_at_host: Option<bool>,
    enable_secure_boot: Option<bool>,
    #[serde(rename = "enableVTPM")]
    enable_vtpm: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LocalDnsProfile {
    mode: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OperatingSystem {
    #[serde(rename = "osSKU")]
    os_sku: Option<String>,
    #[serde(rename = "osDiskSizeGB")]
    os_disk_size_gb: Option<u32>,
    #[serde(rename = "osDiskType")]
    os_disk_type: Option<String>,
    #[serde(rename = "enableFIPS")]
    enable_fips: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Kubernetes {
    node_labels: Option<BTreeMap<String, Option<String>>>,
    node_initialization_taints: Option<Vec<String>>,
    node_taints: Option<Vec<String>>,
    max_pods: Option<u32>,
    orchestrator_version: Option<String>,
    artifact_streaming_profile: Option<ArtifactStreamingProfile>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ArtifactStreamingProfile {
    enabled: Option<bool>,
}

/// What a machine is asked to have switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Switches {
    pub(crate) encryption_at_host: bool,
    pub(crate) secure_boot: bool,
    pub(crate) vtpm: bool,
    pub(crate) ultra_ssd: bool,
    pub(crate) fips: bool,
    pub(crate) local_dns: bool,
    pub(crate) artifact_streaming: bool,
    /// Whether AKS installs the GPU driver: it does by default.
    pub(crate) gpu_driver: bool,
}

/// A machine as requested.
#[derive(Debug, Clone)]
pub(crate) struct MachineSpec {
    pub(crate) sku: Arc<Sku>,
    pub(crate) zones: Vec<String>,
    pub(crate) capacity_type: CapacityType,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) taints: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) max_pods: u32,
    /// GiB, which Azure calls GB.
    pub(crate) os_disk_gib: u32,
    pub(crate) os_disk: OsDisk,
    pub(crate) kubernetes_version: String,
    pub(crate) os_sku: String,
    pub(crate) system_mode: bool,
    pub(crate) switches: Switches,
    /// The subnet of its network interface, where it is not the cluster's.
    pub(crate) subnet: Option<Arc<str>>,
    pub(crate) node_image_version: String,
}

/// Why a body cannot become a machine.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SpecError {
    #[error("The value of parameter properties is invalid: {0}")]
    Shape(String),
    #[error("Required parameter properties.hardware.vmSize is missing (null).")]
    NoSize,
    #[error("The VM size of {0} is not available in location {1}.")]
    UnknownSize(String, String),
    #[error(
        "The zone(s) '{zones}' for resource are not supported. The supported zones for location '{location}' are '{supported}'."
    )]
    Zone { zones: String, location: String, supported: String },
    #[error("VM size {0} does not support Spot priority.")]
    NeverSpot(String),
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The defaults of Azure for fields that a body leaves out.
#[derive(Debug, Clone)]
pub(crate) struct Defaults {
    /// The control plane's version.
    pub(crate) kubernetes_version: String,
    pub(crate) node_image_version: String,
}

impl MachineSpec {
    pub(crate) fn parse(
        properties: &serde_json::Value,
        zones: Vec<String>,
        config: &Config,
        catalogue: &crate::catalogue::Catalogue,
        defaults: Defaults,
    ) -> Result<Self, SpecError> {
        let p = Properties::deserialize(properties).map_err(|e| SpecError::Shape(e.to_string()))?;
        let size = p.hardware.vm_size.ok_or(SpecError::NoSize)?;
        let sku = catalogue.get(&size).ok_or_else(|| SpecError::UnknownSize(size.clone(), config.location.clone()))?;
        if zones.len() > 1 || zones.iter().any(|z| !catalogue.zones().contains(&z.as_str())) {
            let supported = catalogue.zones().join(",");
            return Err(SpecError::Zone { zones: zones.join(","), location: config.location.clone(), supported });
        }
        let capacity_type = match p.priority.as_deref() {
            Some(p) if p.eq_ignore_ascii_case("spot") => CapacityType::Spot,
            _ => CapacityType::OnDemand,
        };
        if capacity_type == CapacityType::Spot && !sku.series.low_priority {
            return Err(SpecError::NeverSpot(sku.name.clone()));
        }
        let os = p.operating_system;
        // 0 means the same as nothing: `OSDiskSizeGB` of `MachineOSProfile` in the SDK.
        let os_disk_gib = os.os_disk_size_gb.filter(|gb| *gb > 0).unwrap_or_else(|| default_size_gib(sku));
        let os_disk = OsDisk::decide(sku, os.os_disk_type.as_deref(), os_disk_gib)?;
        let own_subnet = p.network.vnet_subnet_id.filter(|id| !id.eq_ignore_ascii_case(&config.subnet_id()));
        let is = |text: &Option<String>, wanted: &str| text.as_deref().is_some_and(|t| t.eq_ignore_ascii_case(wanted));
        let switches = Switches {
            encryption_at_host: p.security.enable_encryption_at_host.unwrap_or(false),
            secure_boot: p.security.enable_secure_boot.unwrap_or(false),
            vtpm: p.security.enable_vtpm.unwrap_or(false),
            ultra_ssd: p.hardware.ultra_ssd_enabled.unwrap_or(false),
            fips: os.enable_fips.unwrap_or(false),
            local_dns: p.local_dns_profile.is_some_and(|profile| is(&profile.mode, "Required")),
            artifact_streaming: p.kubernetes.artifact_streaming_profile.is_some_and(|a| a.enabled == Some(true)),
            gpu_driver: !p.hardware.gpu_profile.is_some_and(|gpu| is(&gpu.driver, "None")),
        };
        let mut taints = p.kubernetes.node_initialization_taints.unwrap_or_default();
        taints.extend(p.kubernetes.node_taints.unwrap_or_default());
        let version = p.kubernetes.orchestrator_version;
        Ok(Self {
            sku: Arc::clone(sku),
            zones,
            capacity_type,
            labels: present(p.kubernetes.node_labels),
            taints,
            tags: present(p.tags),
            max_pods: p.kubernetes.max_pods.unwrap_or(DEFAULT_MAX_PODS),
            os_disk_gib,
            os_disk,
            kubernetes_version: version.unwrap_or(defaults.kubernetes_version),
            os_sku: os.os_sku.unwrap_or_else(|| "Ubuntu2204".to_owned()),
            switches,
            subnet: own_subnet.map(Arc::from),
            system_mode: p.mode.as_deref().is_some_and(|m| m.eq_ignore_ascii_case("system")),
            node_image_version: p.node_image_version.unwrap_or(defaults.node_image_version),
        })
    }

    /// The subnet of its network interface.
    pub(crate) fn subnet_id(&self, config: &Config) -> String {
        self.subnet.as_deref().map_or_else(|| config.subnet_id(), str::to_owned)
    }

    /// `eastus-1`, or `0` without a zone: what AKS writes into `topology.kubernetes.io/zone`.
    pub(crate) fn zone_label(&self, location: &str) -> String {
        match self.zones.first() {
            Some(zone) => format!("{location}-{zone}"),
            None => "0".to_owned(),
        }
    }

    /// Who the facts of this machine are about, once it is accepted as that instance.
    pub(crate) fn vm_ref(&self, instance: u64, prices: &Prices, machine: &str, names: &Names, location: &str) -> VmRef {
        let zone = self.zone_label(location);
        let price = |capacity_type| prices.micro_usd_per_hour(&self.sku, &zone, capacity_type);
        let (own_price, on_demand_price) = (price(self.capacity_type), price(CapacityType::OnDemand));
        let nodepool = self.labels.get(NODEPOOL_LABEL).or_else(|| self.tags.get(NODEPOOL_TAG));
        VmRef {
            instance,
            name: names.vm.clone(),
            machine: machine.to_owned(),
            nodeclaim: self.tags.get(NODECLAIM_TAG).cloned().unwrap_or_else(|| machine.to_owned()),
            nodepool: nodepool.cloned().unwrap_or_default(),
            sku: self.sku.name.clone(),
            family: self.sku.family.clone(),
            quota_family: self.sku.series.quota_family.clone(),
            capacity_type: self.capacity_type,
            vcpus: self.sku.vcpus,
            price_micro_usd_per_hour: own_price,
            on_demand_micro_usd_per_hour: on_demand_price,
            zone,
        }
    }
}

fn present(map: Option<BTreeMap<String, Option<String>>>) -> BTreeMap<String, String> {
    map.unwrap_or_default().into_iter().filter_map(|(k, v)| v.map(|v| (k, v))).collect()
}

/// The names and ids that a machine has because of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// The VM and its Node: `aks-<pool>-<machine>-<8 digits>-vm`.
    pub(crate) vm: String,
    /// The ARM id of the VM.
    pub(crate) vm_id: String,
    /// The ARM id of the machine.
    pub(crate) machine_id: String,
    /// The Node's `spec.providerID`. The resource group is in lower case, as the Azure cloud provider writes it:
    /// otherwise the NodeClaim never finds its Node.
    pub(crate) provider_id: String,
}

impl Names {
    /// Those of a machine of an agent pool of mode Machines: `aks-<pool>-<machine>-<8 digits>-vm`.
    pub(crate) fn new(config: &Config, pool: &str, machine: &str) -> Self {
        let vm = format!("aks-{pool}-{machine}-{}-vm", cluster_digits(config));
        let resource = format!("virtualMachines/{vm}");
        Self::of(config, pool, machine, vm, &resource)
    }

    /// Those of the n-th of ten instances at most of an agent pool's scale set, from 0: `aks-<pool>-<8 digits>-vmss000000`.
    pub(crate) fn of_scale_set(config: &Config, pool: &str, ordinal: u64) -> Self {
        let set = format!("aks-{pool}-{}-vmss", cluster_digits(config));
        let vm = format!("{set}{ordinal:06}");
        let machine = vm.clone();
        Self::of(config, pool, &machine, vm, &format!("virtualMachineScaleSets/{set}/virtualMachines/{ordinal}"))
    }

    /// Those of a VM that is this resource of Microsoft.Compute.
    fn of(config: &Config, pool: &str, machine: &str, vm: String, resource: &str) -> Self {
        let id = |group: &str| {
            format!(
                "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Compute/{resource}",
                config.subscription_id
            )
        };
        Self {
            vm_id: id(&config.node_resource_group),
            provider_id: format!("azure://{}", id(&config.node_resource_group.to_lowercase())),
            machine_id: format!("{}/agentPools/{pool}/machines/{machine}", config.cluster_id()),
            vm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::catalogue;
    use serde_json::json;

    fn defaults() -> Defaults {
        Defaults { kubernetes_version: "1.36.3".to_owned(), node_image_version: "image".to_owned() }
    }

    fn parse(properties: serde_json::Value, zones: &[&str]) -> Result<MachineSpec, SpecError> {
        let zones = zones.iter().map(|z| (*z).to_owned()).collect();
        MachineSpec::parse(&properties, zones, &Config::default(), catalogue("eastus").unwrap(), defaults())
    }

    #[test]
    fn a_spot_machine_with_labels_and_tags() {
        let spec = parse(
            json!({
                "hardware": {"vmSize": "Standard_D4s_v5"},
                "priority": "Spot",
                "kubernetes": {
                    "nodeLabels": {"karpenter.sh/nodepool": "web", "gone": null},
                    "nodeInitializationTaints": ["karpenter.sh/unregistered:NoExecute"],
                    "maxPods": 30,
                },
                "tags": {"karpenter.azure.com_aksmachine_nodeclaim": "web-abc"},
            }),
            &["2"],
        )
        .unwrap();
        let names = Names::new(&Config::default(), "aksmanagedap", "web-abc");
        let vm = spec.vm_ref(1, &Prices::default(), "web-abc", &names, "eastus");
        assert_eq!((vm.nodepool.as_str(), vm.nodeclaim.as_str(), vm.zone.as_str()), ("web", "web-abc", "eastus-2"));
        assert_eq!((vm.capacity_type, spec.max_pods), (CapacityType::Spot, 30));
        assert_eq!(spec.labels.len(), 1);
        assert_eq!((spec.kubernetes_version.as_str(), spec.node_image_version.as_str()), ("1.36.3", "image"));
    }

    #[test]
    fn what_cannot_be_sold_is_refused() {
        let size = |s: &str| json!({"hardware": {"vmSize": s}});
        assert_eq!(parse(json!({}), &[]).unwrap_err(), SpecError::NoSize);
        assert!(matches!(parse(size("Standard_Z9"), &[]), Err(SpecError::UnknownSize(..))));
        assert!(matches!(parse(size("Standard_D4s_v5"), &["7"]), Err(SpecError::Zone { .. })));
        let spot_b = json!({"hardware": {"vmSize": "Standard_B2s"}, "priority": "Spot"});
        assert!(matches!(parse(spot_b, &[]), Err(SpecError::NeverSpot(_))));
        assert!(matches!(parse(json!({"hardware": 3}), &[]), Err(SpecError::Shape(_))));
    }

    #[test]
    fn the_provider_id_has_its_resource_group_in_lower_case() {
        let names = Names::new(&Config::default(), "aksmanagedap", "m");
        assert!(names.provider_id.starts_with("azure:///subscriptions/"));
        assert!(names.provider_id.contains("/resourceGroups/mc_harness-rg_harness_eastus/"));
        assert!(names.vm_id.contains("/resourceGroups/MC_harness-rg_harness_eastus/"));
        assert!(names.vm.starts_with("aks-aksmanagedap-m-") && names.vm.ends_with("-vm"));
        assert_eq!(names.vm.len(), "aks-aksmanagedap-m-12345678-vm".len());
    }
}
