//! An API server in this process: a tower service under `kube::Client`, with the semantics that a run uses.

mod answer;
mod fault;
mod kinds;
mod merge;
mod request;
mod select;
mod store;
mod watch;

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body as Answered;
use http::{Request, Response};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::watch as channel;
use tokio::time::{Instant, sleep};
use tower::BoxError;
use tower::util::BoxCloneService;

pub(crate) use answer::{Answer, Refusal};
pub(crate) use fault::{Effect, Fault};
pub(crate) use kinds::named;
pub(crate) use merge::set_conditions;
pub(crate) use request::{Call, Verb};
pub(crate) use select::Selectors;
pub(crate) use store::{Deletion, PatchKind, Store, is_terminating};

use watch::Broken;

/// On the way to the server, and on the way back.
const HALF_WAY: Duration = Duration::from_millis(1);

/// Where a request of the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The server has it and has not carried it out.
    Arrived,
    /// It is carried out and not answered.
    Applied,
}

type Hook = Box<dyn FnMut(u64, Stage, &Call) + Send>;

/// The server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ApiServer {
    shared: Arc<Shared>,
}

struct Shared {
    store: Mutex<Store>,
    script: Mutex<Script>,
    changed: channel::Sender<u64>,
    began: Instant,
    began_at: Timestamp,
}

#[derive(Default)]
struct Script {
    faults: Vec<Fault>,
    hook: Option<Hook>,
    calls: Vec<Call>,
    /// One for each watch that was opened, with what it watches.
    watches: Vec<(Call, channel::Sender<Broken>)>,
    /// How far the wall clock is off.
    clock_off: SignedDuration,
}

impl ApiServer {
    /// With the namespaces that every cluster has.
    pub(crate) fn start() -> Self {
        let server = Self {
            shared: Arc::new(Shared {
                store: Mutex::default(),
                script: Mutex::default(),
                changed: channel::Sender::new(0),
                began: Instant::now(),
                began_at: Timestamp::now(),
            }),
        };
        for name in ["default", "kube-system", "flux-system"] {
            server.create("Namespace", "", json!({"metadata": {"name": name}}));
        }
        server
    }

    /// The service for the run: its requests are counted, and faults hit them.
    pub(crate) fn service(&self) -> BoxCloneService<Request<Body>, Response<Answered>, BoxError> {
        let server = self.clone();
        BoxCloneService::new(tower::service_fn(move |request| {
            let server = server.clone();
            async move { server.serve(request, true).await }
        }))
    }

    /// A client for controllers and for Azure, which no fault hits.
    pub(crate) fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { server.serve(request, false).await }
        });
        kube::Client::new(service, "default")
    }

    /// Changes what happens from now on.
    pub(crate) fn fault(&self, fault: Fault) {
        self.shared.script.lock().unwrap().faults.push(fault);
    }

    /// Called with the number of each request of the run, counted from 0, watches included.
    pub(crate) fn on_call(&self, hook: impl FnMut(u64, Stage, &Call) + Send + 'static) {
        self.shared.script.lock().unwrap().hook = Some(Box::new(hook));
    }

    /// The requests of the run so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.script.lock().unwrap().calls.clone()
    }

    /// Breaks every watch of a kind. Returns how many there were.
    pub(crate) fn break_watches(&self, kind: &str) -> usize {
        let mut script = self.shared.script.lock().unwrap();
        let (broken, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut script.watches).into_iter().partition(|(call, _)| call.kind == kind);
        script.watches = kept;
        // A watch whose reader is gone no longer has a receiver.
        broken.into_iter().filter(|(_, end)| end.send(Broken::Reset).is_ok()).count()
    }

    /// Forgets every change so far: a watch that is behind is answered with 410.
    pub(crate) fn compact(&self) {
        self.with(Store::compact);
    }

    /// Moves the wall clock of the server.
    pub(crate) fn shift_clock(&self, by: SignedDuration) {
        self.shared.script.lock().unwrap().clock_off += by;
    }

    /// Wall time of the server.
    pub(crate) fn now(&self) -> Timestamp {
        let off = self.shared.script.lock().unwrap().clock_off;
        self.shared.began_at + self.shared.began.elapsed() + off
    }

    /// Announces changes, by their revision.
    pub(crate) fn changed(&self) -> channel::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// Reads or changes the objects.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        let now = self.now();
        let (done, revision) = {
            let mut store = self.shared.store.lock().unwrap();
            store.now = now;
            (act(&mut store), store.revision())
        };
        self.shared.changed.send_if_modified(|known| {
            let news = *known != revision;
            *known = revision;
            news
        });
        done
    }

    pub(crate) fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.with(|store| store.get(named(kind), namespace, name).ok())
    }

    pub(crate) fn list(&self, kind: &str, labels: &str) -> Vec<Arc<Value>> {
        self.with(|store| store.list(named(kind), "", &Selectors::of_labels(labels)))
    }

    /// Creates an object, as a controller does.
    pub(crate) fn create(&self, kind: &str, namespace: &str, object: Value) -> Option<Arc<Value>> {
        self.with(|store| store.create(named(kind), namespace, object)).ok()
    }

    /// A merge patch, of the object or of its `status`.
    pub(crate) fn merge(&self, kind: &str, namespace: &str, name: &str, subresource: &str, patch: &Value) {
        // Deleted meanwhile: its controller gets the 404.
        let _ = self.with(|store| store.patch(named(kind), namespace, name, subresource, PatchKind::Merge, patch));
    }

    pub(crate) fn delete(&self, kind: &str, namespace: &str, name: &str, grace_s: Option<u64>) {
        let deletion = Deletion { grace_s, ..Deletion::default() };
        let _ = self.with(|store| store.delete(named(kind), namespace, name, &deletion));
    }

    async fn serve(&self, request: Request<Body>, of_run: bool) -> Result<Response<Answered>, BoxError> {
        let (parts, body) = request.into_parts();
        let header =
            |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned();
        let call = Call::read(&parts.method, &parts.uri, &header("accept"));
        let content = header("content-type");
        let body = body.collect().await?.to_bytes();
        let sent: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        sleep(HALF_WAY).await;
        let Some(call) = call else {
            let nothing = Refusal::new(404, "NotFound", "the server could not find the requested resource");
            return Ok(response(nothing.into()));
        };
        let (effect, number) = if of_run { self.arrived(&call) } else { (None, 0) };
        match effect {
            Some(Effect::Silence) => return pending().await,
            Some(Effect::Slow(delay)) => sleep(delay).await,
            Some(Effect::Refuse { code, retry_after_s }) => {
                let refusal = Refusal::new(code, fault::reason(code), format!("refused by a test: {call}"));
                sleep(HALF_WAY).await;
                return Ok(response(Answer { retry_after_s, ..refusal.into() }));
            }
            Some(Effect::Lost) | None => {}
        }
        if call.verb == Verb::Watch {
            return Ok(self.watch(call));
        }
        let answer = self.act(&call, &content, sent).unwrap_or_else(Answer::from);
        if of_run {
            self.hooked(number, Stage::Applied, &call);
        }
        if matches!(effect, Some(Effect::Lost)) {
            return Err(io::Error::from(io::ErrorKind::ConnectionReset).into());
        }
        sleep(HALF_WAY).await;
        Ok(response(answer))
    }

    fn arrived(&self, call: &Call) -> (Option<Effect>, u64) {
        let number = {
            let mut script = self.shared.script.lock().unwrap();
            script.calls.push(call.clone());
            script.calls.len() as u64 - 1
        };
        self.hooked(number, Stage::Arrived, call);
        let mut script = self.shared.script.lock().unwrap();
        (script.faults.iter_mut().find_map(|fault| fault.hits(call).then_some(fault.effect)), number)
    }

    fn hooked(&self, number: u64, stage: Stage, call: &Call) {
        let hook = self.shared.script.lock().unwrap().hook.take();
        if let Some(mut hook) = hook {
            hook(number, stage, call);
            self.shared.script.lock().unwrap().hook.get_or_insert(hook);
        }
    }

    fn watch(&self, call: Call) -> Response<Answered> {
        let (end, broken) = channel::channel(Broken::No);
        self.shared.script.lock().unwrap().watches.push((call.clone(), end));
        let stream = watch::stream(self.clone(), call, broken);
        let body = Answered::from_stream(stream);
        Response::builder().header("content-type", "application/json").body(body).unwrap()
    }

    fn act(&self, call: &Call, content: &str, sent: Value) -> Result<Answer, Refusal> {
        if call.verb == Verb::Discover {
            return discover(call);
        }
        let (kind, namespace, name) = (call.kind(), call.namespace.as_str(), call.name.as_str());
        if call.subresource == "scale" {
            return self.scale(call, &sent);
        }
        let show = |object: Arc<Value>| Answer::ok(shown(&object, call.metadata_only));
        match call.verb {
            Verb::Get => self.with(|store| store.get(kind, namespace, name)).map(show),
            Verb::List => Ok(self.page(call)),
            Verb::Create => {
                self.with(|store| store.create(kind, namespace, sent)).map(|made| Answer::created((*made).clone()))
            }
            Verb::Replace => self.with(|store| store.replace(kind, namespace, name, &call.subresource, sent)).map(show),
            Verb::Patch => {
                let how = match content {
                    "application/merge-patch+json" => PatchKind::Merge,
                    "application/strategic-merge-patch+json" => PatchKind::Strategic,
                    other => {
                        return Err(Refusal::new(
                            415,
                            "UnsupportedMediaType",
                            format!("no patch of {other} is served"),
                        ));
                    }
                };
                self.with(|store| store.patch(kind, namespace, name, &call.subresource, how, &sent)).map(show)
            }
            Verb::Delete => self.with(|store| store.delete(kind, namespace, name, &deletion(&sent))).map(show),
            Verb::DeleteCollection => {
                let selectors = Selectors::parse(call.parameter("labelSelector"), call.parameter("fieldSelector"));
                let items = self.with(|store| {
                    let found = store.list(kind, namespace, &selectors);
                    for object in &found {
                        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
                        let _ = store.delete(kind, &text("namespace"), &text("name"), &deletion(&sent));
                    }
                    found
                });
                Ok(list(call, &items, self.with(|store| store.revision()), None))
            }
            Verb::Watch | Verb::Discover => Err(Refusal::new(405, "MethodNotAllowed", "answered elsewhere")),
        }
    }

    /// A list, in pages where a limit is given.
    fn page(&self, call: &Call) -> Answer {
        let selectors = Selectors::parse(call.parameter("labelSelector"), call.parameter("fieldSelector"));
        let (items, revision) =
            self.with(|store| (store.list(call.kind(), &call.namespace, &selectors), store.revision()));
        let from: usize = call.parameter("continue").parse().unwrap_or(0);
        let limit: usize = call.parameter("limit").parse().unwrap_or(usize::MAX);
        let rest = items.get(from..).unwrap_or_default();
        let more = (rest.len() > limit).then(|| (from + limit).to_string());
        list(call, &rest[..rest.len().min(limit)], revision, more)
    }

    /// The scale of a Deployment.
    fn scale(&self, call: &Call, sent: &Value) -> Result<Answer, Refusal> {
        if call.kind != "Deployment" {
            return Err(Refusal::not_found(call.kind(), &call.name));
        }
        let (kind, namespace, name) = (call.kind(), call.namespace.as_str(), call.name.as_str());
        let object = match call.verb {
            Verb::Get => self.with(|store| store.get(kind, namespace, name))?,
            _ => {
                let patch = json!({"spec": {"replicas": sent["spec"]["replicas"]}});
                self.with(|store| store.patch(kind, namespace, name, "", PatchKind::Merge, &patch))?
            }
        };
        Ok(Answer::ok(json!({
            "apiVersion": "autoscaling/v1", "kind": "Scale",
            "metadata": {"name": name, "namespace": namespace, "resourceVersion": object["metadata"]["resourceVersion"]},
            "spec": {"replicas": object["spec"]["replicas"]},
            "status": {"replicas": object["status"]["replicas"]},
        })))
    }
}

fn deletion(sent: &Value) -> Deletion {
    Deletion {
        grace_s: sent["gracePeriodSeconds"].as_u64(),
        uid: sent["preconditions"]["uid"].as_str().map(str::to_owned),
    }
}

fn list(call: &Call, items: &[Arc<Value>], revision: u64, more: Option<String>) -> Answer {
    let items: Vec<Value> = items.iter().map(|object| shown(object, call.metadata_only)).collect();
    let (api_version, kind) = if call.metadata_only {
        ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned())
    } else {
        (call.kind().api_version(), format!("{}List", call.kind))
    };
    let metadata = json!({"resourceVersion": revision.to_string(), "continue": more});
    Answer::ok(json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "items": items}))
}

/// An object as it is answered: whole, or its metadata alone.
fn shown(object: &Value, metadata_only: bool) -> Value {
    if metadata_only {
        json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"]})
    } else {
        object.clone()
    }
}

fn discover(call: &Call) -> Result<Answer, Refusal> {
    let (group, version) = &call.version;
    let kinds = kinds::of_version(group, version);
    let first = kinds
        .first()
        .ok_or_else(|| Refusal::new(404, "NotFound", "the server could not find the requested resource"))?;
    let resources: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({
                "name": kind.plural, "singularName": kind.kind.to_lowercase(), "namespaced": kind.namespaced,
                "kind": kind.kind, "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            })
        })
        .collect();
    Ok(Answer::ok(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": first.api_version(), "resources": resources,
    })))
}

fn response(answer: Answer) -> Response<Answered> {
    let mut response = Response::builder().status(answer.code).header("content-type", "application/json");
    if let Some(seconds) = answer.retry_after_s {
        response = response.header("retry-after", seconds.to_string());
    }
    response.body(Answered::from(answer.body.to_string())).unwrap()
}
