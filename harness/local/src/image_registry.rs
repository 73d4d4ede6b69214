//! The image registry: the distribution project's, unmodified.

use harness_catalogue::{Component, Port};

use super::error::LocalError;
use super::layout::Layout;
use super::process::Launch;
use super::state_dir::{private_dir, write_private};

/// Its command line. Images are kept in the folder of the cluster and are removed with it.
pub(crate) fn registry(layout: &Layout) -> Result<Launch, LocalError> {
    let folder = layout.state.data().join("image-registry");
    private_dir(&folder)?;
    let storage = folder.join("images");
    private_dir(&storage)?;
    let configuration = serde_json::json!({
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": true}},
        "storage": {"filesystem": {"rootdirectory": storage}},
        "http": {"addr": layout.ports.address(Component::ImageRegistry, Port::Main)},
    });
    let path = folder.join("config.yml");
    let text = serde_saphyr::to_string(&configuration).map_err(LocalError::content(&path))?;
    write_private(&path, text)?;
    let mut launch = layout.launch(Component::ImageRegistry);
    // Without this it sends traces to where an environment variable or a default says.
    launch.env.insert("OTEL_TRACES_EXPORTER".into(), "none".into());
    launch.args = vec!["serve".into(), path.into()];
    Ok(launch)
}
