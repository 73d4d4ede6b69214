//! Facts of the simulated Azure, as they happen.

use std::time::Duration;

use harness_azure::control::{Client, ControlError, LedgerSums};
use harness_azure::facts::{Fact, FactKind, VmRef};
use harness_record::EventKind;
use harness_record::event::{Account, Audit, AzureFact, AzureFactKind, Ledger, OfOthers, QuotaSet};
use harness_units::count;
use tokio::sync::oneshot;

use crate::drive::Context;
use crate::error::describe;
use crate::hub::Hub;
use crate::others::Opening;

/// How long one call waits for the next fact.
const WAIT: Duration = Duration::from_secs(10);
/// The time between two calls after a failure.
const RETRY: Duration = Duration::from_millis(500);

/// How long the ledger may take at the end of the run.
const LEDGER_LIMIT: Duration = Duration::from_secs(5);

/// Records facts until the task is aborted, or asked to close: then the ledger, behind exactly the facts that are in it.
pub(crate) async fn follow(client: Client, opening: Opening, context: Context, mut close: oneshot::Receiver<()>) {
    let hub = &context.hub;
    let mut after = opening.fact;
    loop {
        let page = tokio::select! {
            page = client.facts(after, WAIT) => page,
            closing = &mut close => {
                // The sender is dropped where the run ends without a close.
                if closing.is_ok() {
                    record_ledger(&client, after, opening.instance, &context).await;
                }
                return;
            }
        };
        match page {
            Ok(page) => {
                record_facts(&page.facts, &context);
                after = page.next;
            }
            Err(error) => {
                record_failure(&error, hub);
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

fn record_facts(facts: &[Fact], context: &Context) {
    let hub = &context.hub;
    for fact in facts {
        let is_others = fact.kind.vm().is_some_and(|vm| !context.owns(vm));
        if let Some(fact) = translate(fact, hub.clock.us_of_monotonic_ns(fact.monotonic_ns)) {
            hub.record(if is_others {
                EventKind::Others(OfOthers::Azure(Box::new(fact)))
            } else {
                EventKind::Azure(fact)
            });
        }
    }
}

fn record_failure(error: &ControlError, hub: &Hub) {
    let error = describe(error);
    hub.record(EventKind::Audit(Audit::WatchRestarted { watch: "azure facts".to_owned(), error }));
}

/// Facts of after the ledger are not recorded: the sums over the log are those of its moment.
async fn record_ledger(client: &Client, mut after: u64, instance: u64, context: &Context) {
    let hub = &context.hub;
    let closed = async {
        let ledger = client.ledger(instance).await?;
        while after < ledger.fact {
            let page = client.facts(after, Duration::ZERO).await?;
            let until = page.facts.partition_point(|fact| fact.seq <= ledger.fact);
            record_facts(page.facts.get(..until).unwrap_or_default(), context);
            after = page.next;
        }
        hub.record(EventKind::Ledger(event(ledger, hub)));
        Ok::<_, ControlError>(())
    };
    match tokio::time::timeout(LEDGER_LIMIT, closed).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => record_failure(&error, hub),
        Err(_) => tracing::warn!("the simulated Azure has not given its ledger within {} s", LEDGER_LIMIT.as_secs()),
    }
}

fn event(sums: LedgerSums, hub: &Hub) -> Ledger {
    let account = |of: harness_azure::control::Account| Account {
        vms: of.vms,
        running_us: of.running_us,
        micro_usd: of.micro_usd,
    };
    Ledger {
        until_us: hub.clock.us_of_monotonic_ns(sums.at.monotonic_ns),
        after: sums.after,
        forgotten: sums.forgotten,
        accepted: sums.accepted,
        booted: sums.booted,
        deleted: sums.deleted,
        evicted: sums.evicted,
        crashed: sums.crashed,
        failed: sums.failed,
        spot: account(sums.spot),
        on_demand: account(sums.on_demand),
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
        FactKind::FaultStarted { id, fault, .. } => with_message(AzureFactKind::FaultBegan, format!("{fault} ({id})")),
        FactKind::FaultEnded { id, fault, applied } => {
            with_message(AzureFactKind::FaultEnded, format!("{fault} ({id}), applied {}", count(applied, "time")))
        }
        FactKind::SpotNotice { notice, .. } => with_message(AzureFactKind::SpotNotice, notice.to_string()),
        FactKind::SpotEvicted { .. } => plain(AzureFactKind::SpotEvicted),
        FactKind::VmCrashed { .. } => plain(AzureFactKind::VmCrashed),
        FactKind::UnmodelledCall { method, path } => {
            with_message(AzureFactKind::UnmodelledCall, format!("{method} {path}"))
        }
        FactKind::VmPriceChanged { .. } => plain(AzureFactKind::VmPriceChanged),
        FactKind::PricesRead { items } => with_message(AzureFactKind::PricesRead, items.to_string()),
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
    let (fault, quota) = match &fact.kind {
        FactKind::FaultStarted { id, quota, .. } => (id.clone(), quota.as_ref()),
        FactKind::FaultEnded { id, .. } => (id.clone(), None),
        _ => (String::new(), None),
    };
    Some(AzureFact {
        vm: of_vm(|vm| &vm.name),
        instance: vm.map(|vm| vm.instance),
        nodeclaim: of_vm(|vm| &vm.nodeclaim),
        nodepool: of_vm(|vm| &vm.nodepool),
        instance_type: of_vm(|vm| &vm.sku),
        family: of_vm(|vm| &vm.family),
        quota_family: of_vm(|vm| &vm.quota_family),
        zone: of_vm(|vm| &vm.zone),
        capacity_type: vm.map(|vm| vm.capacity_type.to_string()).unwrap_or_default(),
        vcpus: vm.map(|vm| vm.vcpus),
        price_micro_usd_per_hour: vm.map(|vm| vm.price_micro_usd_per_hour),
        on_demand_micro_usd_per_hour: vm.map(|vm| vm.on_demand_micro_usd_per_hour),
        code,
        message,
        fault,
        quota: quota.map(|quota| QuotaSet { scope: quota.scope.clone(), cores: quota.cores }),
        ..AzureFact::new(what, occurred_us)
    })
}
