//! Command lines of the Flux controllers.

use std::ffi::OsString;

use super::error::LocalError;
use super::layout::Layout;
use super::process::Launch;
use super::state_dir::private_dir;

/// Takes events and hands them on as notifications.
pub(crate) const NOTIFICATION: &str = "notification-controller";
/// Reads tags.
pub(crate) const IMAGE_REFLECTOR: &str = "image-reflector-controller";
/// Commits tags.
pub(crate) const IMAGE_AUTOMATION: &str = "image-automation-controller";
/// The port on which the notification controller takes events.
pub(crate) const EVENTS: &str = "notification-controller-events";
/// The port on which the notification controller takes the calls of Git hosts.
pub(crate) const RECEIVER: &str = "notification-controller-receiver";

pub(crate) fn source_controller(layout: &Layout) -> Result<Launch, LocalError> {
    let storage = layout.state.data().join("source-controller");
    // It exits when the folder does not exist.
    private_dir(&storage)?;
    let mut launch = controller(layout, "source-controller");
    let address = layout.ports.address("source-controller");
    launch.args.extend([
        OsString::from(format!("--storage-path={}", storage.display())),
        format!("--storage-addr={address}").into(),
        // This is what artifact URLs are made from.
        format!("--storage-adv-addr={address}").into(),
    ]);
    Ok(launch)
}

pub(crate) fn kustomize_controller(layout: &Layout) -> Launch {
    let mut launch = controller(layout, "kustomize-controller");
    launch.args.extend([
        OsString::from("--requeue-dependency=5s"),
        // A base on the internet would make a run depend on it.
        "--no-remote-bases=true".into(),
        // A commit that never becomes healthy must not hold up its own repair for the whole timeout.
        "--feature-gates=CancelHealthCheckOnNewRevision=true".into(),
    ]);
    launch
}

pub(crate) fn notification_controller(layout: &Layout) -> Launch {
    let mut launch = controller(layout, NOTIFICATION);
    // Its own option of that name says where it listens.
    launch.args.retain(|argument| !argument.to_string_lossy().starts_with("--events-addr"));
    launch.args.extend([
        OsString::from(format!("--events-addr={}", layout.ports.address(EVENTS))),
        format!("--receiverAddr={}", layout.ports.address(RECEIVER)).into(),
    ]);
    launch
}

pub(crate) fn image_reflector_controller(layout: &Layout) -> Result<Launch, LocalError> {
    let storage = layout.state.data().join(IMAGE_REFLECTOR);
    private_dir(&storage)?;
    let mut launch = controller(layout, IMAGE_REFLECTOR);
    launch.args.extend([
        OsString::from(format!("--storage-path={}", storage.display())),
        // The database maps twice this much; the default is made for thousands of repositories.
        "--storage-value-log-file-size=16777216".into(),
    ]);
    Ok(launch)
}

pub(crate) fn image_automation_controller(layout: &Layout) -> Launch {
    controller(layout, IMAGE_AUTOMATION)
}

fn controller(layout: &Layout, name: &str) -> Launch {
    let mut launch = layout.launch(name);
    // A flag for it is not merged by these programs (their main.go).
    launch.env.insert("KUBECONFIG".into(), layout.state.kubeconfig(name).into());
    launch.env.insert("RUNTIME_NAMESPACE".into(), "flux-system".into());
    launch.args = vec![
        format!("--events-addr={}", layout.events_url).into(),
        format!("--metrics-addr={}", layout.ports.address(&format!("{name}-metrics"))).into(),
        format!("--health-addr={}", layout.ports.address(&format!("{name}-health"))).into(),
        "--log-encoding=json".into(),
        "--kube-api-qps=200".into(),
        "--kube-api-burst=400".into(),
    ];
    launch
}
