//! The document of a virtual machine: what Azure says of it, field by field.
//!
//! NAP asks AKS for a machine, and AKS makes the VM. What the two decide between them is taken from what the provider does where it makes the VM
//! itself (`newVMObject` in `pkg/providers/instance/vminstance.go` of Azure/karpenter-provider-azure v1.14.0), and from what its tests on live
//! clusters look at (`test/suites`). Fields: `VirtualMachine` of the Compute API. Documents are made when they are asked for, and not kept.

use serde_json::{Map, Value, json};

use crate::api::VmState;
use crate::clock::PRESENT_NS;
use crate::config::Config;
use crate::documents::{kubelet_identity_client_id, kubelet_identity_id, nic_id, uuid_of};
use crate::fleet::{MachineState, OsDisk, Vm, storage_tier};
use crate::images::NodeImage;
use crate::world::World;
use harness_simulation::CapacityType;

/// The resource type, as Azure writes it.
pub(super) const VM_TYPE: &str = "Microsoft.Compute/virtualMachines";

/// The user that AKS makes on its nodes, where a cluster does not name another.
const ADMIN: &str = "azureuser";

/// The document as it was at a moment.
pub(super) fn document(world: &World, vm: &Vm, at_ns: u64) -> Value {
    let config = &world.config;
    let mut document = json!({
        "id": vm.names.vm_id,
        "name": vm.names.vm,
        "type": VM_TYPE,
        "location": config.location,
        "tags": tags(vm),
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {
                kubelet_identity_id(config): {
                    "clientId": kubelet_identity_client_id(config),
                    "principalId": uuid_of(&kubelet_identity_id(config)),
                },
            },
        },
        "properties": properties(config, vm, at_ns),
    });
    // A VM outside the zones has no such field.
    if !vm.spec.zones.is_empty() {
        document["zones"] = json!(vm.spec.zones);
    }
    document
}

fn properties(config: &Config, vm: &Vm, at_ns: u64) -> Map<String, Value> {
    let spec = &vm.spec;
    let spot = spec.capacity_type == CapacityType::Spot;
    let mut properties = Map::new();
    let mut set = |key: &str, value: Value| properties.insert(key.to_owned(), value);
    set("vmId", json!(uuid_of(&vm.names.vm_id)));
    set("hardwareProfile", json!({"vmSize": spec.sku.name}));
    set("storageProfile", storage_profile(config, vm));
    set(
        "osProfile",
        json!({
            "computerName": vm.names.vm,
            "adminUsername": ADMIN,
            "linuxConfiguration": {"disablePasswordAuthentication": true, "provisionVMAgent": true},
            "secrets": [],
            "allowExtensionOperations": true,
            "requireGuestProvisionSignal": true,
        }),
    );
    set(
        "networkProfile",
        json!({"networkInterfaces": [{
            "id": nic_id(config, &vm.names.vm),
            "properties": {"primary": true, "deleteOption": "Delete"},
        }]}),
    );
    if let Some(security) = security_profile(vm) {
        set("securityProfile", security);
    }
    if spec.switches.ultra_ssd {
        set("additionalCapabilities", json!({"ultraSSDEnabled": true}));
    }
    set("priority", json!(if spot { "Spot" } else { "Regular" }));
    if spot {
        // AKS's defaults, which NAP leaves as they are: `EvictionPolicy` and `SpotMaxPrice` of the SDK's machine.
        set("evictionPolicy", json!("Delete"));
        set("billingProfile", json!({"maxPrice": -1}));
    }
    set("provisioningState", json!(vm.vm_state_at(at_ns)));
    set("timeCreated", json!(vm.record.accepted.wall.to_string()));
    properties
}

/// The machine's own tags, and those with which AKS marks what it has made. Of the latter only the two by which Azure's built-in policies tell the
/// VMs of AKS ("Configure Linux virtual machines to run Azure Monitor Agent" and others).
pub(super) fn tags(vm: &Vm) -> Map<String, Value> {
    let mut tags: Map<String, Value> = vm.spec.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    tags.insert("aks-managed-orchestrator".to_owned(), json!(format!("Kubernetes:{}", vm.spec.kubernetes_version)));
    tags.insert("aks-managed-poolName".to_owned(), json!(vm.pool));
    tags
}

/// The OS disk as `setVMPropertiesOSDiskType` of the provider has it. A managed disk is cached for reading and writing, the default of the
/// Compute API; one on the host must be `ReadOnly` ("Ephemeral OS disks for Azure VMs", Microsoft).
fn storage_profile(config: &Config, vm: &Vm) -> Value {
    let spec = &vm.spec;
    // A disk without a name gets one of this form, with a random number.
    let name = format!("{}_OsDisk_1_{}", vm.names.vm, uuid_of(&format!("{}/disk", vm.names.vm_id)).replace('-', ""));
    let mut disk = json!({
        "name": name,
        "osType": "Linux",
        "createOption": "FromImage",
        "diskSizeGB": spec.os_disk_gib,
        "deleteOption": "Delete",
    });
    let tier = match spec.os_disk {
        OsDisk::Managed => {
            disk["caching"] = json!("ReadWrite");
            storage_tier(&spec.sku)
        }
        OsDisk::Ephemeral(placement) => {
            disk["caching"] = json!("ReadOnly");
            disk["diffDiskSettings"] = json!({"option": "Local", "placement": placement});
            // It is on no storage; the Compute API's own examples say so.
            "Standard_LRS"
        }
    };
    disk["managedDisk"] = json!({
        "storageAccountType": tier,
        "id": format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/disks/{name}",
            config.subscription_id, config.node_resource_group
        ),
    });
    let mut profile = json!({"osDisk": disk, "dataDisks": []});
    if let Some(image) = NodeImage::parse(&spec.node_image_version) {
        profile["imageReference"] = json!({"id": image.id(&config.subscription_id)});
    }
    if let Some(controllers) = spec.sku.series.disk_controller_types {
        profile["diskControllerType"] = json!(controllers);
    }
    profile
}

/// What is switched on of it; nothing where nothing is.
fn security_profile(vm: &Vm) -> Option<Value> {
    let switches = vm.spec.switches;
    let trusted_launch = switches.secure_boot || switches.vtpm;
    if !trusted_launch && !switches.encryption_at_host {
        return None;
    }
    let mut profile = json!({});
    if switches.encryption_at_host {
        profile["encryptionAtHost"] = json!(true);
    }
    if trusted_launch {
        profile["securityType"] = json!("TrustedLaunch");
        profile["uefiSettings"] = json!({"secureBootEnabled": switches.secure_boot, "vTpmEnabled": switches.vtpm});
    }
    Some(profile)
}

/// The instance view: what is asked of the VM itself.
pub(super) fn view(vm: &Vm) -> Value {
    let power = match vm.record.state {
        VmState::Stopped => ("PowerState/stopped", "VM stopped"),
        VmState::Running if vm.record.booted.is_some() => ("PowerState/running", "VM running"),
        VmState::Deleting => ("PowerState/deallocating", "VM deallocating"),
        _ => ("PowerState/starting", "VM starting"),
    };
    let provisioning = match vm.vm_state_at(PRESENT_NS) {
        MachineState::Creating => ("ProvisioningState/creating", "Creating"),
        MachineState::Deleting => ("ProvisioningState/deleting", "Deleting"),
        MachineState::Failed => ("ProvisioningState/failed", "Provisioning failed"),
        MachineState::Succeeded => ("ProvisioningState/succeeded", "Provisioning succeeded"),
    };
    let status = |(code, text): (&str, &str)| json!({"code": code, "level": "Info", "displayStatus": text});
    let generation = NodeImage::parse(&vm.spec.node_image_version).map_or("V2", |image| image.hyper_v_generation());
    json!({
        "computerName": vm.names.vm,
        "osName": "Linux",
        "hyperVGeneration": generation,
        "statuses": [status(provisioning), status(power)],
    })
}
