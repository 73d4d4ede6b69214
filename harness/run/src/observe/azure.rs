//! Facts of the simulated Azure, as they happen.

use std::time::Duration;

use harness_azure::control::Client;
use harness_azure::facts::{Fact, FactKind, VmRef};
use harness_record::EventKind;
use harness_record::event::{Audit, AzureFact, AzureFactKind};
use harness_units::count;

use crate::error::describe;
use crate::hub::Hub;

/// How long one call waits for the next fact.
const WAIT: Duration = Duration::from_secs(10);
/// The time between two calls after a failure.
const RETRY: Duration = Duration::from_millis(500);

/// Reads facts after `after` until the task is aborted.
pub(crate) async fn follow(client: Client, mut after: u64, hub: Hub) {
    loop {
        match client.facts(after, WAIT).await {
            Ok(page) => {
                for fact in &page.facts {
                    if let Some(fact) = translate(fact, hub.clock.us_of_monotonic_ns(fact.monotonic_ns)) {
                        hub.record(EventKind::Azure(fact));
                    }
                }
                after = page.next;
            }
            Err(error) => {
                hub.record(EventKind::Audit(Audit::WatchRestarted {
                    watch: "azure facts".to_owned(),
                    error: describe(&error),
                }));
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// The fact as an event; `None` for one that no report asks about.
fn translate(fact: &Fact, occurred_us: u64) -> Option<AzureFact> {
    let plain = |what| (what, String::new(), String::new());
    let with_message = |what, message: String| (what, String::new(), message);
    let (what, code, message) = match &fact.kind {
        FactKind::VmAccepted { .. } => plain(AzureFactKind::VmAccepted),
        FactKind::VmCreating { .. } => plain(AzureFactKind::VmCreating),
        FactKind::VmBooted { .. } => plain(AzureFactKind::VmBooted),
        FactKind::NodeRegistered { .. } => plain(AzureFactKind::NodeRegistered),
        FactKind::NodeReady { .. } => plain(AzureFactKind::NodeReady),
        FactKind::VmDeleteRequested { .. } => plain(AzureFactKind::VmDeleteRequested),
        FactKind::VmDeleted { .. } => plain(AzureFactKind::VmDeleted),
        FactKind::NodeDeleted { .. } => plain(AzureFactKind::NodeDeleted),
        FactKind::ProvisioningFailed { code, message, .. } => {
            (AzureFactKind::ProvisioningFailed, code.clone(), message.clone())
        }
        FactKind::Throttled { operation, .. } => (AzureFactKind::Throttled, "429".to_owned(), operation.clone()),
        FactKind::Refused { calls } => with_message(AzureFactKind::Refused, calls.to_string()),
        FactKind::FaultStarted { id, fault } => with_message(AzureFactKind::FaultBegan, format!("{fault} ({id})")),
        FactKind::FaultEnded { id, fault, applied } => {
            with_message(AzureFactKind::FaultEnded, format!("{fault} ({id}), applied {}", count(applied, "time")))
        }
        FactKind::SpotNotice { notice, .. } => with_message(AzureFactKind::SpotNotice, notice.to_string()),
        FactKind::SpotEvicted { .. } => plain(AzureFactKind::SpotEvicted),
        FactKind::VmCrashed { .. } => plain(AzureFactKind::VmCrashed),
        FactKind::UnmodelledCall { method, path } => {
            with_message(AzureFactKind::UnmodelledCall, format!("{method} {path}"))
        }
        FactKind::Overflow { lost } => with_message(AzureFactKind::FactsLost, lost.to_string()),
        FactKind::VmRestarted { .. }
        | FactKind::NodeCondition { .. }
        | FactKind::NodeWriteFailed { .. }
        | FactKind::NodeImagePublished { .. }
        | FactKind::KubernetesVersion { .. }
        | FactKind::Reset => return None,
    };
    let vm = fact.kind.vm();
    let of_vm = |read: fn(&VmRef) -> &str| vm.map(|vm| read(vm).to_owned()).unwrap_or_default();
    Some(AzureFact {
        what,
        occurred_us,
        vm: of_vm(|vm| &vm.name),
        nodeclaim: of_vm(|vm| &vm.nodeclaim),
        nodepool: of_vm(|vm| &vm.nodepool),
        instance_type: of_vm(|vm| &vm.sku),
        zone: of_vm(|vm| &vm.zone),
        capacity_type: vm.map(|vm| vm.capacity_type.to_string()).unwrap_or_default(),
        vcpus: vm.map(|vm| vm.vcpus),
        price_micro_usd_per_hour: vm.map(|vm| vm.price_micro_usd_per_hour),
        on_demand_micro_usd_per_hour: vm.map(|vm| vm.on_demand_micro_usd_per_hour),
        code,
        message,
    })
}
