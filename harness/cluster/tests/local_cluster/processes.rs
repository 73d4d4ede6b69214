//! Who starts, watches and ends whom.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use harness_cluster::Cluster;
use harness_cluster::git::{GitFault, GitRemote};
use harness_cluster::local::{self, Phase};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams};

use crate::support::{all_gone, components, config, processes, running, sigkill, take_down, turn, wait_for};

/// How long the kernel may take to kill what belonged to a dead process. No one has to notice anything: it is the
/// kernel that does it.
const KERNEL: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_run_side_by_side_and_each_failure_is_reported() {
    let Some(built) = components("two clusters side by side") else { return };
    let _turn = turn().await;
    let temp = tempfile::tempdir().unwrap();
    let (one, two) = tokio::join!(
        local::throwaway(config("one", &built, temp.path())),
        local::throwaway(config("two", &built, temp.path())),
    );
    let (one, two) = (one.unwrap(), two.unwrap());

    // Both work, and neither is the other.
    for cluster in [&one, &two] {
        let namespaces: Api<Namespace> = Api::all(cluster.client());
        let names: Vec<_> = namespaces
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .into_iter()
            .filter_map(|n| n.metadata.name)
            .collect();
        assert!(names.contains(&"flux-system".to_owned()), "{names:?}");
    }
    assert_ne!(
        one.status().await.unwrap().endpoints["kubernetes"],
        two.status().await.unwrap().endpoints["kubernetes"]
    );
    assert_eq!(local::list(temp.path()), ["one", "two"]);

    // A component that is killed and started again on request is no failure.
    let before = pid_of(&one, "kwok").await;
    one.kill("kwok").await.unwrap();
    assert!(!running(before));
    one.restart("kwok").await.unwrap();
    let status = one.status().await.unwrap();
    let kwok = status.components.iter().find(|c| c.name == "kwok").unwrap();
    assert_eq!((status.phase, kwok.restarts), (Phase::Ready, 1));
    assert_ne!(kwok.process.unwrap().pid, before);
    let error = one.kill("nobody").await.unwrap_err().to_string();
    assert!(error.contains("there is no component \"nobody\"") && error.contains("kwok"), "{error}");

    // A fault of one Git server is that one's alone, hits everybody but the run, and ends.
    let elsewhere = |cluster: &Cluster| GitRemote::new(cluster.git().unwrap().url()).unwrap();
    one.set_git_fault(Some(GitFault::Unavailable)).await.unwrap();
    assert!(one.has_git_fault().await.unwrap() && !two.has_git_fault().await.unwrap());
    assert!(elsewhere(&one).head().await.is_err());
    assert!(one.git().unwrap().head().await.unwrap().is_some());
    assert!(elsewhere(&two).head().await.unwrap().is_some());
    one.set_git_fault(None).await.unwrap();
    assert!(!one.has_git_fault().await.unwrap());
    assert!(elsewhere(&one).head().await.unwrap().is_some());

    // A component that dies on its own is a failure.
    let waiting = one.failed();
    sigkill(pid_of(&one, "kube-scheduler").await);
    let failure = tokio::time::timeout(KERNEL, waiting).await.expect("nobody noticed the death of the scheduler");
    assert_eq!(failure.component, "kube-scheduler");
    assert_eq!(failure.reason, "ended unexpectedly (signal: 9 (SIGKILL))");
    assert!(!failure.log_tail.is_empty() && failure.log_tail.len() <= 20, "{:?}", failure.log_tail);
    assert_eq!(one.status().await.unwrap().phase, Phase::Failed);

    // With the supervisor goes everything that it started, and the other cluster does not care.
    let of_two = processes(&two.status().await.unwrap());
    assert_eq!(of_two.len(), 1 + local::PROCESSES.len(), "{of_two:?}");
    let waiting = two.failed();
    sigkill(of_two[0].1);
    let failure = tokio::time::timeout(KERNEL, waiting).await.expect("nobody noticed the death of the supervisor");
    assert_eq!(failure.component, "supervisor", "{failure}");
    all_gone(&of_two, KERNEL).await;
    assert_eq!(local::list(temp.path()), ["one"]);
    let report = local::down(temp.path(), "two", None).await.unwrap().unwrap();
    assert!(report.left.is_empty(), "{report:?}");
    assert!(!temp.path().join("two").exists(), "the folder of the killed cluster is still there");

    take_down(one, temp.path()).await;
    assert!(local::list(temp.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throw_away_cluster_dies_with_the_process_that_wanted_it() {
    if components("throw-away cluster").is_none() {
        return;
    }
    let _turn = turn().await;
    let temp = tempfile::tempdir().unwrap();
    // This test program again, as the process that wants a cluster and is killed.
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::owner_of_a_throw_away_cluster", "--nocapture"])
        .env("HARNESS_TEST_STATE_ROOT", temp.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let all = tokio::task::spawn_blocking(move || {
        lines.map_while(Result::ok).find_map(|line| Some(line.split_once("PROCESSES ")?.1.to_owned()))
    });
    let all = tokio::time::timeout(Duration::from_secs(150), all)
        .await
        .expect("the cluster did not come up")
        .unwrap()
        .unwrap();
    let all: Vec<(String, u32)> = serde_json::from_str(&all).unwrap();
    assert_eq!(all.len(), 1 + local::PROCESSES.len(), "{all:?}");
    assert!(all.iter().all(|(_, pid)| running(*pid)), "{all:?}");

    owner.kill().unwrap();
    owner.wait().unwrap();
    all_gone(&all, KERNEL).await;
}

/// The process that the test above kills; does nothing where that one has not started it.
#[tokio::test(flavor = "multi_thread")]
async fn owner_of_a_throw_away_cluster() {
    let (Some(root), Some(built)) = (std::env::var_os("HARNESS_TEST_STATE_ROOT"), components("owner")) else { return };
    let cluster = local::throwaway(config("owned", &built, root.as_ref())).await.unwrap();
    let all = processes(&cluster.status().await.unwrap());
    println!("PROCESSES {}", serde_json::to_string(&all).unwrap());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_start_that_cannot_work_says_why_and_leaves_nothing() {
    let Some(real) = components("failing start") else { return };
    let _turn = turn().await;
    let temp = tempfile::tempdir().unwrap();
    // Everything is there, but the API server is a program that complains and ends.
    let bin = temp.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for name in local::COMPONENTS.iter().filter(|name| **name != "kube-apiserver") {
        std::os::unix::fs::symlink(real.folder().join(name), bin.join(name)).unwrap();
    }
    std::os::unix::fs::symlink(real.crds()[0].parent().unwrap(), bin.join("crds")).unwrap();
    let broken = bin.join("kube-apiserver");
    std::fs::write(&broken, "#!/bin/sh\necho 'this build is broken' >&2\nexit 7\n").unwrap();
    std::fs::set_permissions(&broken, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();

    let state = temp.path().join("state");
    let broken_set = harness_cluster::components::locate(Some(&bin)).unwrap();
    let error = local::throwaway(config("broken", &broken_set, &state)).await.unwrap_err().to_string();
    for part in ["kube-apiserver", "exit status: 7", "this build is broken", "broken.failed"] {
        assert!(error.contains(part), "{part:?} is missing in: {error}");
    }
    assert!(local::list(&state).is_empty());
    assert!(!state.join("broken").exists());
    assert!(state.join("broken.failed/kube-apiserver.log").exists(), "the logs are lost");

    // A missing component is said before anything starts.
    std::fs::remove_file(&broken).unwrap();
    let error = local::throwaway(config("broken", &broken_set, &state)).await.unwrap_err().to_string();
    assert!(error.contains("kube-apiserver is missing") && error.contains("components build"), "{error}");
}

async fn pid_of(cluster: &harness_cluster::Cluster, component: &str) -> u32 {
    wait_for("the component runs", Duration::from_secs(5), async || {
        let status = cluster.status().await.map_err(|error| error.to_string())?;
        let found = status.components.iter().find(|c| c.name == component).and_then(|c| c.process);
        found.map(|process| process.pid).ok_or_else(|| format!("{:?}", status.components))
    })
    .await
}
