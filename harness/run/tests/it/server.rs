//! The fake API server, through the client that the run uses: a wrong fake would prove nothing.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::watcher;
use serde_json::json;

use crate::api::ApiServer;

fn config_map(name: &str, value: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"app": value}}, "data": {"key": value}}))
        .unwrap()
}

fn config_maps(server: &ApiServer) -> Api<ConfigMap> {
    Api::namespaced(server.client(), "default")
}

fn code<T: std::fmt::Debug>(answer: kube::Result<T>) -> u16 {
    match answer {
        Err(kube::Error::Api(status)) => status.code,
        other => panic!("no refusal: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_are_those_of_the_api_server() {
    let server = ApiServer::start();
    let api = config_maps(&server);
    assert_eq!(code(api.get("a").await), 404);
    let made = api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    assert_eq!(code(api.create(&PostParams::default(), &config_map("a", "1")).await), 409);
    assert_eq!(code(api.create(&PostParams::default(), &config_map("A_", "1")).await), 422);
    let nowhere: Api<ConfigMap> = Api::namespaced(server.client(), "nowhere");
    assert_eq!(code(nowhere.create(&PostParams::default(), &config_map("a", "1")).await), 404);
    let mut newer = made.clone();
    newer.data = config_map("a", "2").data;
    let written = api.replace("a", &PostParams::default(), &newer).await.unwrap();
    assert_ne!(written.metadata.resource_version, made.metadata.resource_version);
    assert_eq!(written.metadata.uid, made.metadata.uid);
    assert_eq!(code(api.replace("a", &PostParams::default(), &newer).await), 409, "an old version");
    let same = api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"key": "2"}}))).await.unwrap();
    assert_eq!(same.metadata.resource_version, written.metadata.resource_version, "nothing was changed");
}

#[tokio::test(start_paused = true)]
async fn deployments_are_scaled_through_their_scale_and_lists_come_in_pages() {
    let server = ApiServer::start();
    let api: Api<Deployment> = Api::namespaced(server.client(), "default");
    for name in ["a", "b", "c"] {
        let deployment = json!({"metadata": {"name": name}, "spec": {
            "replicas": 0, "selector": {}, "template": {"metadata": {}, "spec": {"containers": []}},
        }});
        api.create(&PostParams::default(), &serde_json::from_value(deployment).unwrap()).await.unwrap();
    }
    let scale = api.patch_scale("b", &PatchParams::default(), &Patch::Merge(json!({"spec": {"replicas": 4}}))).await;
    assert_eq!(scale.unwrap().spec.unwrap().replicas, Some(4));
    let b = api.get("b").await.unwrap();
    assert_eq!((b.spec.unwrap().replicas, b.metadata.generation), (Some(4), Some(2)));
    let refused = api.patch("b", &PatchParams::default(), &Patch::Merge(json!({"spec": {"replicas": -1}}))).await;
    assert_eq!(code(refused), 422);
    let page = api.list_metadata(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(page.items.len(), 2);
    let rest = ListParams::default().limit(2).continue_token(&page.metadata.continue_.unwrap());
    let rest = api.list_metadata(&rest).await.unwrap();
    assert_eq!(rest.items[0].metadata.name.as_deref(), Some("c"));
    assert_eq!(rest.metadata.continue_, None);
    api.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    assert!(api.list(&ListParams::default()).await.unwrap().items.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_watch_shows_the_objects_of_its_selector_and_sends_bookmarks() {
    let server = ApiServer::start();
    let api = config_maps(&server);
    let from = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let ones = WatchParams::default().labels("app=1").timeout(100);
    let mut watch = api.watch(&ones, &from).await.unwrap().boxed();
    api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    api.create(&PostParams::default(), &config_map("b", "2")).await.unwrap();
    let relabel = Patch::Merge(json!({"metadata": {"labels": {"app": "2"}}}));
    api.patch("a", &PatchParams::default(), &relabel).await.unwrap();
    let name = |event: Option<WatchEvent<ConfigMap>>| match event {
        Some(WatchEvent::Added(it)) => format!("added {}", it.metadata.name.unwrap()),
        Some(WatchEvent::Deleted(it)) => format!("deleted {}", it.metadata.name.unwrap()),
        Some(WatchEvent::Bookmark(it)) => format!("bookmark {}", it.metadata.resource_version),
        Some(WatchEvent::Error(status)) => format!("error {}", status.code),
        other => format!("{other:?}"),
    };
    assert_eq!(name(watch.try_next().await.unwrap()), "added a");
    assert_eq!(name(watch.try_next().await.unwrap()), "deleted a", "it does not match any more");
    assert!(name(watch.try_next().await.unwrap()).starts_with("bookmark "));
    assert_eq!(name(watch.try_next().await.unwrap()), "None", "the server ends it at its timeout");
    server.compact();
    let mut late = api.watch(&ones, &from).await.unwrap().boxed();
    assert_eq!(name(late.try_next().await.unwrap()), "error 410");
}

#[tokio::test(start_paused = true)]
async fn a_streamed_list_ends_with_its_bookmark() {
    let server = ApiServer::start();
    let api = config_maps(&server);
    api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let mut stream = watcher(api, watcher::Config::default().streaming_lists()).boxed();
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(match stream.try_next().await.unwrap().unwrap() {
            watcher::Event::Init => "init",
            watcher::Event::InitApply(_) => "apply",
            watcher::Event::InitDone => "done",
            _ => "live",
        });
    }
    assert_eq!(events, ["init", "apply", "done"]);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_deletes_its_objects_and_waits_for_finalizers_and_grace_periods() {
    let server = ApiServer::start();
    let namespaces: Api<Namespace> = Api::all(server.client());
    let made = json!({"metadata": {"name": "mine"}});
    namespaces.create(&PostParams::default(), &serde_json::from_value(made).unwrap()).await.unwrap();
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "mine");
    for (name, finalizers) in [("free", json!([])), ("held", json!(["example.com/hold"]))] {
        let object = json!({"metadata": {"name": name, "finalizers": finalizers}});
        api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    }
    let bound = json!({"metadata": {"name": "bound"}, "spec": {"nodeName": "n", "terminationGracePeriodSeconds": 1, "containers": []}});
    let pods: Api<Pod> = Api::namespaced(server.client(), "mine");
    pods.create(&PostParams::default(), &serde_json::from_value(bound).unwrap()).await.unwrap();
    namespaces.delete("mine", &DeleteParams::default()).await.unwrap();
    assert!(namespaces.get("mine").await.unwrap().metadata.deletion_timestamp.is_some());
    assert_eq!(code(api.get("free").await), 404);
    assert_eq!(code(api.create(&PostParams::default(), &config_map("late", "1")).await), 403);
    assert!(api.get("held").await.unwrap().metadata.deletion_timestamp.is_some());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(pods.get("bound").await.unwrap().metadata.deletion_timestamp.is_some(), "no kubelet has ended it");
    pods.delete("bound", &DeleteParams::default().grace_period(0)).await.unwrap();
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("held", &PatchParams::default(), &release).await.unwrap();
    assert_eq!(code(namespaces.get("mine").await), 404);
}
