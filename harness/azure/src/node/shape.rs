//! The Node of a VM.
//!
//! Name, provider id, labels and taints as AKS sets them; capacity and allocatable from [`crate::allocatable`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::allocatable::node_resources;
use crate::config::Config;
use crate::fleet::{AgentCondition, MachineSpec, Names};
use harness_simulation::CapacityType;

/// Which `Ready` condition a Node shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadyStatus {
    /// Registered, not yet ready: `False`.
    Starting,
    /// `True`.
    Ready,
    /// The VM does not run: `Unknown`, with the words of the node controller when a kubelet falls silent.
    Lost,
}

/// The Node at the moment of its creation. Unlike other kinds, a Node may be created with its status
/// (`pkg/registry/core/node/strategy.go` of Kubernetes: "Nodes allow all fields, including status, to be set on
/// create"), and kubelets do so.
pub(crate) fn node(config: &Config, pool: &str, spec: &MachineSpec, names: &Names, status: ReadyStatus) -> Value {
    let r = node_resources(&spec.sku);
    let kubelet = format!("v{}", spec.kubernetes_version.trim_start_matches('v'));
    let quantities = |cpu_m: u64, memory_bytes: u64| {
        let mut q = json!({
            "cpu": if cpu_m.is_multiple_of(1000) { (cpu_m / 1000).to_string() } else { format!("{cpu_m}m") },
            // Rounded up: a Node that offered a byte less than promised would leave a pod pending.
            "memory": format!("{}Ki", memory_bytes.div_ceil(1024)),
            "pods": spec.max_pods.to_string(),
            "ephemeral-storage": format!("{}G", spec.os_disk_gb),
        });
        if let Some((vendor, gpus)) = r.gpus {
            q[vendor.resource()] = json!(gpus.to_string());
        }
        q
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": names.vm,
            "labels": labels(config, pool, spec, names),
            "annotations": {
                // kwok renews the lease of such Nodes and runs their pods; the status stays ours.
                "kwok.x-k8s.io/node": "fake",
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": {
            "providerID": names.provider_id,
            "taints": spec.taints.iter().filter_map(|text| taint(text)).collect::<Vec<_>>(),
        },
        "status": {
            "capacity": quantities(r.capacity_cpu_m, r.capacity_memory_bytes),
            "allocatable": quantities(r.allocatable_cpu_m, r.allocatable_memory_bytes),
            "conditions": conditions(status, &[]),
            "addresses": [
                {"type": "InternalIP", "address": address(&names.vm)},
                {"type": "Hostname", "address": names.vm},
            ],
            "nodeInfo": {
                "architecture": spec.sku.series.architecture.kubernetes(),
                "operatingSystem": "linux",
                "osImage": os_image(&spec.os_sku),
                "kernelVersion": "6.8.0-azure",
                "kubeletVersion": kubelet,
                "kubeProxyVersion": kubelet,
                "containerRuntimeVersion": "containerd://2.0.0",
                "machineID": names.vm,
                "systemUUID": names.vm,
                "bootID": names.vm,
            },
        },
    })
}

/// The kubelet's conditions at this moment, with real transition times. A condition that the agent reports beats the
/// kubelet's of the same type, unless the VM does not run: then there is no reporter.
pub(crate) fn conditions(status: ReadyStatus, agent: &[AgentCondition]) -> Value {
    let now = now_text();
    let (ready, reason, message) = match status {
        ReadyStatus::Starting => ("False", "KubeletNotReady", "container runtime network not ready"),
        ReadyStatus::Ready => ("True", "KubeletReady", "kubelet is posting ready status"),
        ReadyStatus::Lost => ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
    };
    let pressure = |kind: &str, good: &str, text: &str| {
        let lost = status == ReadyStatus::Lost;
        json!({
            "type": kind,
            "status": if lost { "Unknown" } else { "False" },
            "reason": if lost { reason } else { good },
            "message": if lost { message } else { text },
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        })
    };
    let mut all = vec![
        pressure("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        pressure("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        pressure("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        json!({
            "type": "Ready",
            "status": ready,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }),
    ];
    if status != ReadyStatus::Lost {
        for reported in agent {
            if let Some(of_kubelet) = all.iter_mut().find(|c| c["type"] == reported.kind) {
                *of_kubelet = agent_condition(reported, &now, &now);
            }
        }
    }
    Value::Array(all)
}

/// The conditions that the agent reports.
pub(crate) fn agent_conditions(reported: &[AgentCondition]) -> Value {
    let now = now_text();
    reported.iter().map(|condition| agent_condition(condition, &time_text(condition.since), &now)).collect()
}

/// The condition that AKS writes when Azure has scheduled a preemption.
pub(crate) fn preemption() -> Value {
    let now = now_text();
    json!([{
        "type": "PreemptionScheduled",
        "status": "True",
        "reason": "PreemptionScheduled",
        "message": "The spot VM of this node is going to be evicted",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }])
}

fn agent_condition(reported: &AgentCondition, since: &str, now: &str) -> Value {
    json!({
        "type": reported.kind,
        "status": reported.status,
        "reason": "ReportedByAgent",
        "message": "An agent on the VM reports this condition.",
        "lastHeartbeatTime": now,
        "lastTransitionTime": since,
    })
}

/// The present time as Kubernetes writes it.
pub(super) fn now_text() -> String {
    time_text(Timestamp::now())
}

/// Kubernetes keeps whole seconds.
fn time_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn labels(config: &Config, pool: &str, spec: &MachineSpec, names: &Names) -> BTreeMap<String, String> {
    let zone = spec.zone_label(&config.location);
    let arch = spec.sku.series.architecture.kubernetes();
    let spot = spec.capacity_type == CapacityType::Spot;
    let cluster: String = config.node_resource_group.chars().take(63).collect();
    let (priority, scale_set) = if spot { ("spot", "spot") } else { ("regular", "regular") };
    let mut all = spec.labels.clone();
    let mut set = |key: &str, value: &str| all.insert(key.to_owned(), value.to_owned());
    set("kubernetes.io/hostname", &names.vm);
    set("kubernetes.io/os", "linux");
    set("kubernetes.io/arch", arch);
    set("beta.kubernetes.io/os", "linux");
    set("beta.kubernetes.io/arch", arch);
    set("node.kubernetes.io/instance-type", &spec.sku.name);
    set("beta.kubernetes.io/instance-type", &spec.sku.name);
    set("topology.kubernetes.io/region", &config.location);
    set("topology.kubernetes.io/zone", &zone);
    set("topology.disk.csi.azure.com/zone", if spec.zones.is_empty() { "" } else { &zone });
    set("kubernetes.azure.com/agentpool", pool);
    set("kubernetes.azure.com/cluster", &cluster);
    set("kubernetes.azure.com/mode", if spec.system_mode { "system" } else { "user" });
    set("kubernetes.azure.com/role", "agent");
    set("kubernetes.azure.com/node-image-version", &spec.node_image_version);
    set("kubernetes.azure.com/os-sku", os_sku_label(&spec.os_sku));
    set("kubernetes.azure.com/priority", priority);
    set("kubernetes.azure.com/scalesetpriority", scale_set);
    set("kubernetes.azure.com/sku-cpu", &spec.sku.vcpus.to_string());
    set("kubernetes.azure.com/sku-memory", &((spec.sku.memory_gib * 1024.0) as u64).to_string());
    if spec.fips {
        set("kubernetes.azure.com/fips_enabled", "true");
    }
    // The provider installs it on every node it registers, so that the taints of the body are taken as they are.
    set("karpenter.sh/do-not-sync-taints", "true");
    all
}

/// `kubernetes.azure.com/os-sku` knows two values (`GetOSSKUFromImageFamily` of the provider).
fn os_sku_label(os_sku: &str) -> &'static str {
    if os_sku.starts_with("AzureLinux") { "AzureLinux" } else { "Ubuntu" }
}

fn os_image(os_sku: &str) -> &'static str {
    match os_sku {
        s if s.starts_with("AzureLinux") => "Microsoft Azure Linux 3.0",
        "Ubuntu2404" => "Ubuntu 24.04 LTS",
        _ => "Ubuntu 22.04 LTS",
    }
}

/// An address of the subnet 10.224.0.0/12, always the same for one name. Two nodes may share one: nothing routes to it.
fn address(name: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(name);
    format!("10.{}.{}.{}", 224 + hash[0] % 16, hash[1], hash[2].max(4))
}

/// A taint as JSON from the text form of the kubelet, `key=value:Effect`; `None` when the text is not one.
fn taint(text: &str) -> Option<Value> {
    let (rest, effect) = text.rsplit_once(':')?;
    if !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") || rest.is_empty() {
        return None;
    }
    let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
    let mut taint = json!({"key": key, "effect": effect});
    if !value.is_empty() {
        taint["value"] = json!(value);
    }
    Some(taint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::catalogue;
    use crate::fleet::Defaults;
    use k8s_openapi::api::core::v1::Node;

    fn ready_node(properties: Value, zones: &[&str]) -> Value {
        let config = Config::default();
        let defaults = Defaults { kubernetes_version: "1.36.3".to_owned(), node_image_version: "image".to_owned() };
        let zones = zones.iter().map(|z| (*z).to_owned()).collect();
        let spec = MachineSpec::parse(&properties, zones, &config, catalogue("eastus").unwrap(), defaults).unwrap();
        let names = Names::new(&config, "aksmanagedap", "web-1");
        node(&config, "aksmanagedap", &spec, &names, ReadyStatus::Ready)
    }

    #[test]
    fn a_node_as_aks_would_make_it() {
        let made = ready_node(
            json!({
                "hardware": {"vmSize": "Standard_D4s_v5"},
                "priority": "Spot",
                "operatingSystem": {"osSKU": "Ubuntu2204", "osDiskSizeGB": 64},
                "kubernetes": {
                    "nodeLabels": {"karpenter.sh/nodepool": "web", "team": "a"},
                    "nodeInitializationTaints": ["karpenter.sh/unregistered:NoExecute", "dedicated=web:NoSchedule"],
                    "orchestratorVersion": "1.36.3",
                },
            }),
            &["2"],
        );
        let node: Node = serde_json::from_value(made).unwrap();
        let labels = node.metadata.labels.unwrap();
        assert_eq!(labels["topology.kubernetes.io/zone"], "eastus-2");
        assert_eq!(labels["karpenter.sh/nodepool"], "web");
        assert_eq!(labels["kubernetes.azure.com/scalesetpriority"], "spot");
        assert_eq!(labels["kubernetes.io/hostname"], node.metadata.name.clone().unwrap());
        assert_eq!(node.metadata.annotations.unwrap()["kwok.x-k8s.io/node"], "fake");
        let spec = node.spec.unwrap();
        assert!(spec.provider_id.unwrap().contains("/resourceGroups/mc_"));
        let taints = spec.taints.unwrap();
        assert_eq!(taints.len(), 2);
        assert_eq!((taints[1].key.as_str(), taints[1].value.as_deref()), ("dedicated", Some("web")));
        let status = node.status.unwrap();
        let allocatable = status.allocatable.unwrap();
        assert_eq!(allocatable["cpu"].0, "3860m");
        assert_eq!(allocatable["pods"].0, "250");
        assert_eq!(status.capacity.unwrap()["cpu"].0, "4");
        assert_eq!(status.node_info.unwrap().kubelet_version, "v1.36.3");
        let ready = status.conditions.unwrap().into_iter().find(|c| c.type_ == "Ready").unwrap();
        assert_eq!(ready.status, "True");
    }

    #[test]
    fn a_gpu_node_offers_its_devices_and_an_arm_node_says_so() {
        let gpu = ready_node(json!({"hardware": {"vmSize": "Standard_NC64as_T4_v3"}}), &[]);
        assert_eq!(gpu["status"]["allocatable"]["nvidia.com/gpu"], "4");
        assert_eq!(gpu["metadata"]["labels"]["topology.kubernetes.io/zone"], "0");
        let arm = ready_node(json!({"hardware": {"vmSize": "Standard_D2ps_v5"}}), &[]);
        assert_eq!(arm["metadata"]["labels"]["kubernetes.io/arch"], "arm64");
    }

    #[test]
    fn an_agent_beats_the_kubelet_while_the_vm_runs() {
        let reported = |kind: &str, status: &str| AgentCondition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            since: "2026-08-21T10:00:00Z".parse().unwrap(),
        };
        let agent = [reported("Ready", "False"), reported("kubernetes.azure.com/NodeHealthy", "False")];
        let ready = |status| {
            let all = conditions(status, &agent);
            let all = all.as_array().unwrap();
            assert_eq!(all.len(), 4, "conditions of the agent are patched by the agent only");
            all.iter().find(|c| c["type"] == "Ready").unwrap()["status"].clone()
        };
        assert_eq!((ready(ReadyStatus::Ready), ready(ReadyStatus::Lost)), (json!("False"), json!("Unknown")));
        let own = agent_conditions(&agent);
        assert_eq!(
            (&own[1]["status"], &own[1]["lastTransitionTime"]),
            (&json!("False"), &json!("2026-08-21T10:00:00Z"))
        );
    }

    #[test]
    fn a_lost_node_is_not_ready_in_the_words_of_the_node_controller() {
        let lost = conditions(ReadyStatus::Lost, &[]);
        let ready = lost.as_array().unwrap().iter().find(|c| c["type"] == "Ready").unwrap();
        assert_eq!((&ready["status"], &ready["reason"]), (&json!("Unknown"), &json!("NodeStatusUnknown")));
    }

    #[test]
    fn taints_with_and_without_a_value() {
        assert_eq!(
            taint("karpenter.sh/unregistered:NoExecute").unwrap(),
            json!({"key": "karpenter.sh/unregistered", "effect": "NoExecute"})
        );
        assert_eq!(
            taint("dedicated=batch:NoSchedule").unwrap(),
            json!({"key": "dedicated", "value": "batch", "effect": "NoSchedule"})
        );
        assert_eq!(taint("dedicated"), None);
        assert_eq!(taint("a=b:Sometimes"), None);
    }
}
