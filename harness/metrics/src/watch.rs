//! The pods that can have load, and the nodes, as the API server shows them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use harness_kubernetes::innermost_reason;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Resource;
use kube::api::Api;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use tokio_util::task::AbortOnDropHandle;

use super::load::{MetricsError, WORKLOAD_LABEL};
use super::pod::{PodFacts, node_ready};

/// Cached pods and nodes.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) pods: Store<Pod>,
    pub(crate) nodes: Store<Node>,
}

impl Seen {
    /// The pods that can carry load, in no order.
    pub(crate) fn pods(&self) -> Vec<PodFacts> {
        self.pods.state().iter().filter_map(|pod| PodFacts::of(pod)).collect()
    }

    /// The nodes that report, by name.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        let mut nodes = self.nodes.state();
        nodes.retain(|node| node_ready(node));
        nodes.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        nodes
    }
}

/// Two running watches; they end with the value.
pub(crate) struct Watches {
    pub(crate) seen: Seen,
    last_error: Arc<Mutex<Option<String>>>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Watches {
    /// Starts them. Only pods with the label of a workload are asked for.
    pub(crate) fn start(client: kube::Client) -> Self {
        let last_error: Arc<Mutex<Option<String>>> = Arc::default();
        let (pods, pods_writer) = reflector::store();
        let (nodes, nodes_writer) = reflector::store();
        let labelled = watcher::Config::default().labels(WORKLOAD_LABEL);
        let tasks = [
            follow(Api::<Pod>::all(client.clone()), labelled, pods_writer, Arc::clone(&last_error)),
            follow(Api::<Node>::all(client), watcher::Config::default(), nodes_writer, Arc::clone(&last_error)),
        ];
        Self { seen: Seen { pods, nodes }, last_error, _tasks: tasks }
    }

    /// Waits until both have their first list.
    pub(crate) async fn listed(&self, limit: Duration) -> Result<(), MetricsError> {
        let started = Instant::now();
        let both = async {
            // An error means that the task has ended, which happens only with this value.
            let _ = tokio::join!(self.seen.pods.wait_until_ready(), self.seen.nodes.wait_until_ready());
        };
        tokio::time::timeout(limit, both).await.map_err(|_| MetricsError::NotListed {
            waited_ms: started.elapsed().as_millis() as u64,
            last: self.last_error().unwrap_or_else(|| "none".to_owned()),
        })
    }

    fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Follows one kind; an error is repeated with backoff.
fn follow<K>(
    api: Api<K>,
    config: watcher::Config,
    writer: Writer<K>,
    last_error: Arc<Mutex<Option<String>>>,
) -> AbortOnDropHandle<()>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let kind = K::kind(&()).into_owned();
    let task = async move {
        // Who wrote which field is the larger half of a pod.
        let trimmed = watcher(api, config).default_backoff().modify(|object| object.meta_mut().managed_fields = None);
        let mut events = std::pin::pin!(trimmed.reflect(writer));
        while let Some(event) = events.next().await {
            if let Err(error) = event {
                let reason = format!("{kind}: {error}: {}", innermost_reason(&error));
                tracing::warn!(reason, "the metrics' watch failed and starts again");
                *last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
            }
        }
    };
    AbortOnDropHandle::new(tokio::spawn(task))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pods_that_cannot_be_listed_say_why() {
        harness_tls::install_crypto();
        // A port that was free a moment ago has no listener.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = kube::Config::new(format!("http://127.0.0.1:{port}").parse().unwrap());
        let watches = Watches::start(kube::Client::try_from(config).unwrap());
        let error = watches.listed(Duration::from_millis(300)).await.unwrap_err().to_string();
        for part in ["not listed after 3", "last error of the watch: ", "refused"] {
            assert!(error.contains(part), "{part:?} is missing in: {error}");
        }
    }
}
