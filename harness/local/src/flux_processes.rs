//! Command lines of the Flux controllers.

use std::ffi::OsString;

use harness_catalogue::{Component, Port};

use super::error::LocalError;
use super::layout::Layout;
use super::process::Launch;
use super::state_dir::private_dir;

pub(crate) fn source_controller(layout: &Layout) -> Result<Launch, LocalError> {
    let storage = layout.state.data().join("source-controller");
    // It exits when the folder does not exist.
    private_dir(&storage)?;
    let mut launch = controller(layout, Component::SourceController);
    let address = layout.ports.address(Component::SourceController, Port::Main);
    launch.args.extend([
        OsString::from(format!("--storage-path={}", storage.display())),
        format!("--storage-addr={address}").into(),
        // The host of artifact URLs.
        format!("--storage-adv-addr={address}").into(),
    ]);
    Ok(launch)
}

pub(crate) fn kustomize_controller(layout: &Layout) -> Launch {
    let mut launch = controller(layout, Component::KustomizeController);
    launch.args.extend([
        OsString::from("--requeue-dependency=5s"),
        // A run must not depend on a base on the internet.
        "--no-remote-bases=true".into(),
        // A commit that never becomes healthy must not hold up its own repair for the whole timeout.
        "--feature-gates=CancelHealthCheckOnNewRevision=true".into(),
    ]);
    launch
}

pub(crate) fn notification_controller(layout: &Layout) -> Launch {
    let mut launch = controller(layout, Component::NotificationController);
    // Its own option of that name is the address that it listens on.
    launch.args.retain(|argument| !argument.to_string_lossy().starts_with("--events-addr"));
    launch.args.extend([
        OsString::from(format!(
            "--events-addr={}",
            layout.ports.address(Component::NotificationController, Port::Events)
        )),
        format!("--receiverAddr={}", layout.ports.address(Component::NotificationController, Port::Receiver)).into(),
    ]);
    launch
}

pub(crate) fn image_reflector_controller(layout: &Layout) -> Result<Launch, LocalError> {
    let storage = layout.state.data().join(Component::ImageReflectorController.name());
    private_dir(&storage)?;
    let mut launch = controller(layout, Component::ImageReflectorController);
    launch.args.extend([
        OsString::from(format!("--storage-path={}", storage.display())),
        // The database maps twice this size; the default suits thousands of repositories.
        "--storage-value-log-file-size=16777216".into(),
    ]);
    Ok(launch)
}

/// What the command lines of all of them have in common.
pub(crate) fn controller(layout: &Layout, component: Component) -> Launch {
    let mut launch = layout.launch(component);
    // These programs ignore a `--kubeconfig` flag (their main.go).
    launch.env.insert("KUBECONFIG".into(), layout.state.kubeconfig(component.name()).into());
    launch.env.insert("RUNTIME_NAMESPACE".into(), "flux-system".into());
    launch.args = vec![
        format!("--events-addr={}", layout.events_url).into(),
        format!("--metrics-addr={}", layout.ports.address(component, Port::Metrics)).into(),
        format!("--health-addr={}", layout.ports.address(component, Port::Health)).into(),
        "--log-encoding=json".into(),
        "--kube-api-qps=200".into(),
        "--kube-api-burst=400".into(),
    ];
    launch
}
