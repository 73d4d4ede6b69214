//! Suspending Flux objects, and resuming those that a removal has suspended and not removed.

use std::time::{Duration, Instant};

use serde_json::json;

use super::apply::{Applied, Outcome};
use super::error::FluxError;
use super::graph;
use super::kinds::{FluxKind, ObjectRef};
use super::manager::Manager;
use super::object::{Found, is_at_work, list_objects};
use super::order::order;

/// The annotation of objects that a removal has suspended, not a user.
const SUSPENDED_BY: &str = "harness.dev/suspended-by";
const UNINSTALL: &str = "flux-uninstall";

/// How long running reconciliations may take to end before their controller is stopped.
const QUIET_LIMIT: Duration = Duration::from_secs(20);
const PERIOD: Duration = Duration::from_millis(200);

impl Manager<'_> {
    /// Suspends every active object, parents before the objects that they apply: an active parent may undo it.
    pub(super) async fn suspend(&self, found: &[Found], dry_run: bool) -> Result<Vec<Applied>, FluxError> {
        let order = order(&graph::nodes(found), &found.iter().map(Found::reference).collect());
        let place = |id: &ObjectRef| order.turns.iter().position(|turn| turn.id == *id).unwrap_or(usize::MAX);
        let mut active: Vec<&Found> =
            found.iter().filter(|it| it.kind.can_be_suspended && it.object.data["spec"]["suspend"] != true).collect();
        active.sort_by_key(|found| place(&found.reference()));
        let mark = json!({"metadata": {"annotations": {SUSPENDED_BY: UNINSTALL}}, "spec": {"suspend": true}});
        let mut suspended = Vec::new();
        for found in active {
            let object = found.reference();
            if dry_run || self.merge(&found.kind, &object, "suspend", &mark).await? {
                suspended.push(Applied { object, outcome: Outcome::Suspended });
            }
        }
        Ok(suspended)
    }

    /// Resumes the objects that a removal has suspended, and `own` objects in any case.
    pub(super) async fn resume(
        &self,
        found: &[Found],
        own: &[ObjectRef],
        dry_run: bool,
    ) -> Result<Vec<Applied>, FluxError> {
        let mut resumed = Vec::new();
        let unmark = json!({"metadata": {"annotations": {SUSPENDED_BY: null}}, "spec": {"suspend": null}});
        for found in found.iter().filter(|found| found.object.data["spec"]["suspend"] == true) {
            let object = found.reference();
            let marks = found.object.metadata.annotations.as_ref();
            let by_removal = marks.and_then(|marks| marks.get(SUSPENDED_BY)).is_some_and(|by| by == UNINSTALL);
            if !by_removal && !own.contains(&object) {
                self.report(&format!("{object} is suspended and stays so"));
                continue;
            }
            if dry_run || self.merge(&found.kind, &object, "resume", &unmark).await? {
                resumed.push(Applied { object, outcome: Outcome::Resumed });
            }
        }
        Ok(resumed)
    }

    /// Waits until no controller is at work on any object, for a while: one that is stopped in the middle of an apply leaves it so.
    pub(super) async fn quiet(&self, kinds: &[FluxKind]) -> Result<(), FluxError> {
        let began = Instant::now();
        loop {
            let found = list_objects(&self.target.client, kinds).await?;
            let busy: Vec<String> =
                found.iter().filter(|it| is_at_work(&it.object)).map(|it| it.reference().to_string()).collect();
            if busy.is_empty() {
                return Ok(());
            }
            if began.elapsed() > QUIET_LIMIT {
                self.report(&format!("not waiting any longer for {}", busy.join(", ")));
                return Ok(());
            }
            tokio::time::sleep(PERIOD).await;
        }
    }
}
