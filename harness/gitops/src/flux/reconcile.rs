//! A forced reconciliation: sources first, then each object after those that it needs; waits for each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use serde_json::json;

use super::error::FluxError;
use super::graph;
use super::kinds::{self, FluxKind, ObjectRef};
use super::manager::Manager;
use super::object::{Found, ObjectState, Progress, list_objects, progress};
use super::objects::REQUESTED_AT;
use super::order::{Node, Obstacle, order};
use super::report::{Ending, ReconcileReport, Reconciled};
use super::select::{is_named, select};

/// How often objects that came meanwhile are looked for: a Kustomization may apply further ones, and those again.
const ROUNDS: usize = 5;
/// The number of objects that are waited for at the same time.
const IN_FLIGHT: usize = 16;
/// The pause between two reads of an object.
const PERIOD: Duration = Duration::from_millis(100);

/// What is to be reconciled.
#[derive(Clone, Debug)]
pub struct Reconciling {
    /// Names, `[KIND/][NAMESPACE/]NAME`; none means all.
    pub names: Vec<String>,
    /// Whether the sources of the named objects are fetched first.
    pub with_sources: bool,
    /// How long one object may take.
    pub limit: Duration,
}

/// What has ended, and whether well.
type Ended = BTreeMap<ObjectRef, bool>;

impl Manager<'_> {
    /// Asks for a reconciliation, in the order of dependencies, and waits for each answer. What an object needs and has failed
    /// holds it back; a cycle or something missing is said. Without names, objects that come meanwhile are asked too.
    ///
    /// # Errors
    /// When Flux is not installed or does not run, a name means nothing, or the API server fails. An object that does not get
    /// Ready is not an error: it is in the report.
    pub async fn reconcile(&self, options: &Reconciling) -> Result<ReconcileReport, FluxError> {
        let began = Instant::now();
        let kinds = kinds::served(&self.target.client).await?;
        if kinds.is_empty() {
            return Err(FluxError::NotInstalled);
        }
        let stopped = self.stopped().await?;
        if !stopped.is_empty() {
            return Err(FluxError::Stopped { names: stopped.join(", ") });
        }
        let (mut report, mut ended) = (ReconcileReport::default(), Ended::new());
        for round in 1..=ROUNDS {
            let mut found = list_objects(&self.target.client, &kinds).await?;
            // No controller answers for an object that is being deleted.
            found.retain(|found| found.object.metadata.deletion_timestamp.is_none());
            let chosen = select(&found, &options.names, options.with_sources)?;
            let fresh: Vec<&Found> = chosen.into_iter().filter(|it| !ended.contains_key(&it.reference())).collect();
            if fresh.is_empty() {
                break;
            }
            let before = ended.len();
            let obstacles = self.round(&kinds, &found, &fresh, options, &mut ended, &mut report).await?;
            // The obstacle may have been removed by what was applied meanwhile: it is checked again.
            if ended.len() == before || round == ROUNDS || !options.names.is_empty() {
                for (object, obstacle) in obstacles {
                    self.end(Reconciled::blocked(object, &obstacle), &mut ended, &mut report);
                }
            }
            if !options.names.is_empty() {
                break;
            }
        }
        report.took_ms = began.elapsed().as_millis() as u64;
        Ok(report)
    }

    fn end(&self, one: Reconciled, ended: &mut Ended, report: &mut ReconcileReport) {
        self.report(&format!("{}: {}", one.object, one.ending.as_str()));
        ended.insert(one.object.clone(), one.ending.is_well());
        report.objects.push(one);
    }

    /// Reconciles `fresh`, of all that was found. Returns those that cannot have their turn, and why.
    async fn round(
        &self,
        kinds: &[FluxKind],
        found: &[Found],
        fresh: &[&Found],
        options: &Reconciling,
        ended: &mut Ended,
        report: &mut ReconcileReport,
    ) -> Result<BTreeMap<ObjectRef, Obstacle>, FluxError> {
        let (suspended, active): (Vec<&Found>, Vec<&Found>) =
            fresh.iter().copied().partition(|found| found.state().suspended);
        for found in suspended {
            self.end(suspended_one(found, options), ended, report);
        }
        let asked: BTreeSet<ObjectRef> = active.iter().map(|found| found.reference()).collect();
        let elsewhere = found.iter().map(Found::reference).filter(|id| !asked.contains(id)).collect();
        let nodes: Vec<Node> = graph::nodes(found).into_iter().filter(|node| asked.contains(&node.id)).collect();
        let order = order(&nodes, &elsewhere);

        let needs: BTreeMap<&ObjectRef, &Vec<ObjectRef>> = nodes.iter().map(|node| (&node.id, &node.needs)).collect();
        let object_of = |id: &ObjectRef| active.iter().find(|found| found.reference() == *id);
        let mut waiting: Vec<Node> = order.turns;
        let mut running = FuturesUnordered::new();
        while !waiting.is_empty() || !running.is_empty() {
            let mut index = 0;
            while index < waiting.len() && running.len() < IN_FLIGHT {
                let turn = &waiting[index];
                if !turn.needs.iter().chain(&turn.after).all(|before| ended.contains_key(before)) {
                    index += 1;
                    continue;
                }
                let turn = waiting.remove(index);
                // Also what failed in an earlier round.
                let failed =
                    needs.get(&turn.id).and_then(|all| all.iter().find(|need| ended.get(*need) == Some(&false)));
                if let Some(failed) = failed {
                    let message = format!("it needs {failed}, which was not reconciled");
                    self.end(Reconciled::not_asked(turn.id, Ending::HeldBack, "HeldBack", message), ended, report);
                    // Its dependents may stand before it in the list.
                    index = 0;
                } else if let Some(found) = object_of(&turn.id) {
                    running.push(self.ask(kinds, found, options.limit));
                }
            }
            match running.next().await {
                Some(one) => self.end(one?, ended, report),
                None => break,
            }
        }
        Ok(order.obstacles)
    }

    /// Asks one object and waits for the answer.
    async fn ask(&self, kinds: &[FluxKind], found: &Found, limit: Duration) -> Result<Reconciled, FluxError> {
        let id = found.reference();
        let api = found.kind.api(&self.target.client, &id);
        self.report(&format!("asking {id}"));
        let (began, token) = (Instant::now(), Timestamp::now().to_string());
        let ended = |ending: Ending, state: Option<ObjectState>| {
            let (reason, message, revision) =
                state.map(|state| (state.reason, state.message, state.revision)).unwrap_or_default();
            let (object, requested_at) = (id.clone(), Some(token.clone()));
            Reconciled {
                object,
                ending,
                requested_at,
                took_ms: began.elapsed().as_millis() as u64,
                reason,
                message,
                revision,
            }
        };
        let patch = json!({"metadata": {"annotations": {REQUESTED_AT: token}}});
        if !self.merge(&found.kind, &id, "ask for a reconciliation of", &patch).await? {
            return Ok(ended(Ending::Gone, None));
        }
        loop {
            let object = api.get_opt(&id.name).await.map_err(FluxError::api("read", id.to_string()))?;
            let Some(object) = object else { return Ok(ended(Ending::Gone, None)) };
            let state = ObjectState::read(&found.kind, &object);
            let newest = match state.last_handled_request.as_deref() {
                Some(handled) if handled == token => self.source_revision(kinds, found).await?,
                _ => None,
            };
            match progress(&state, &object, &token, newest.as_deref()) {
                Progress::Done => return Ok(ended(Ending::Reconciled, Some(state))),
                Progress::Failed => return Ok(ended(Ending::Failed, Some(state))),
                Progress::Waiting if began.elapsed() > limit => return Ok(ended(Ending::TimedOut, Some(state))),
                Progress::Waiting => tokio::time::sleep(PERIOD).await,
            }
        }
    }

    /// The revision that the source of an object has now.
    async fn source_revision(&self, kinds: &[FluxKind], found: &Found) -> Result<Option<String>, FluxError> {
        let Some(source) = graph::source(found) else { return Ok(None) };
        let Some(kind) = kinds.iter().find(|kind| kind.group == source.group && kind.kind == source.kind) else {
            return Ok(None);
        };
        let object = kind.api(&self.target.client, &source).get_opt(&source.name).await;
        let object = object.map_err(FluxError::api("read", source.to_string()))?;
        Ok(object.and_then(|object| object.data["status"]["artifact"]["revision"].as_str().map(str::to_owned)))
    }
}

/// A suspended object: not reconciled, which is a failure if it was named.
fn suspended_one(found: &Found, options: &Reconciling) -> Reconciled {
    let ending = if is_named(found, &options.names) { Ending::Failed } else { Ending::Suspended };
    let message = "it is suspended (spec.suspend), so its controller does not reconcile it".to_owned();
    Reconciled::not_asked(found.reference(), ending, "Suspended", message)
}
