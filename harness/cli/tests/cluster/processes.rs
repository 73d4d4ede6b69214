//! How processes start, watch and stop each other.

use harness_catalogue::{Component, Starts};
use harness_cluster::Cluster;
use harness_cluster::git::GitRemote;
use harness_cluster::local::{self, Phase};
use harness_simulation::GitFault;
use harness_testing::limits;
use harness_testing::wait_for;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams};

use crate::own::{all_gone, block_on, built, config, config_of, processes, running, sigkill, take_down};

/// Two clusters run side by side, and the failure of one is reported and leaves the other alone.
pub(crate) fn two_clusters_run_side_by_side() {
    block_on(side_by_side());
}

async fn side_by_side() {
    let temp = tempfile::tempdir().unwrap();
    let (one, two) =
        tokio::join!(local::throwaway(config("one", temp.path())), local::throwaway(config("two", temp.path())),);
    let (one, two) = (one.unwrap(), two.unwrap());

    // Both work, and they are separate.
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

    // A component that is killed and started again on request is not a failure.
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

    // A fault of one Git server does not affect the other server, affects every client but the run, and ends.
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
    let failure = tokio::time::timeout(limits::KERNEL.get(), waiting)
        .await
        .expect("no failure was reported after the death of the scheduler");
    assert_eq!(failure.component, "kube-scheduler");
    assert_eq!(failure.reason, "ended unexpectedly (signal: 9 (SIGKILL))");
    assert!(!failure.log_tail.is_empty() && failure.log_tail.len() <= 20, "{:?}", failure.log_tail);
    assert_eq!(one.status().await.unwrap().phase, Phase::Failed);

    // Everything that the supervisor started ends with it, and the other cluster is not affected.
    let of_two = processes(&two.status().await.unwrap());
    assert_eq!(
        of_two.len(),
        1 + Component::ALL.iter().filter(|it| it.starts() == Starts::WithCluster).count(),
        "{of_two:?}"
    );
    let waiting = two.failed();
    sigkill(of_two[0].1);
    let failure = tokio::time::timeout(limits::KERNEL.get(), waiting)
        .await
        .expect("no failure was reported after the death of the supervisor");
    assert_eq!(failure.component, "supervisor", "{failure}");
    all_gone(&of_two, limits::KERNEL).await;
    // The kernel closes the lock of a killed process a moment after its main thread has ended.
    wait_for("the list holds the other cluster alone", limits::KERNEL, async || {
        let listed = local::list(temp.path());
        if listed == ["one"] { Ok(()) } else { Err(format!("{listed:?}")) }
    })
    .await;
    let report = local::down(temp.path(), "two", None).await.unwrap().unwrap();
    assert!(report.left.is_empty(), "{report:?}");
    assert!(!temp.path().join("two").exists(), "the folder of the killed cluster is still there");

    take_down(one, temp.path()).await;
    assert!(local::list(temp.path()).is_empty());
}

/// A start that cannot work reports why and leaves nothing behind.
pub(crate) fn a_failed_start_leaves_nothing() {
    block_on(fail_to_start());
}

async fn fail_to_start() {
    let real = built().unwrap();
    let temp = tempfile::tempdir().unwrap();
    // Every component exists, but the API server is a program that prints an error and exits.
    let bin = temp.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for name in Component::ALL.iter().map(|it| it.binary()).filter(|name| *name != "kube-apiserver") {
        // Two components may share an executable.
        let _ = std::os::unix::fs::symlink(real.folder().join(name), bin.join(name));
    }
    std::os::unix::fs::symlink(real.crds()[0].parent().unwrap(), bin.join("crds")).unwrap();
    let broken = bin.join("kube-apiserver");
    std::fs::write(&broken, "#!/bin/sh\necho 'this build is broken' >&2\nexit 7\n").unwrap();
    std::fs::set_permissions(&broken, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();

    let state = temp.path().join("state");
    let broken_set = harness_components::locate(Some(&bin)).unwrap();
    let error = local::throwaway(config_of("broken", &state, &broken_set)).await.unwrap_err().to_string();
    for part in ["kube-apiserver", "exit status: 7", "this build is broken", "broken.failed"] {
        assert!(error.contains(part), "{part:?} is missing in: {error}");
    }
    assert!(local::list(&state).is_empty());
    assert!(!state.join("broken").exists());
    assert!(state.join("broken.failed/kube-apiserver.log").exists(), "the logs are lost");

    // A missing component is reported before anything starts.
    std::fs::remove_file(&broken).unwrap();
    let error = local::throwaway(config_of("broken", &state, &broken_set)).await.unwrap_err().to_string();
    assert!(error.contains("kube-apiserver is missing") && error.contains("components build"), "{error}");
}

async fn pid_of(cluster: &harness_cluster::Cluster, component: &str) -> u32 {
    wait_for("the component runs", limits::CHILD_PROCESS, async || {
        let status = cluster.status().await.map_err(|error| error.to_string())?;
        let found = status.components.iter().find(|c| c.name == component).and_then(|c| c.process);
        found.map(|process| process.pid).ok_or_else(|| format!("{:?}", status.components))
    })
    .await
}
