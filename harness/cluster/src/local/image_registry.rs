//! The image registry: the distribution project's `docker-registry`, which a Linux distribution ships.

use std::path::PathBuf;

use super::error::LocalError;
use super::layout::Layout;
use super::process::Launch;
use super::state_dir::{private_dir, write_private};

/// The name of the program, of its Debian package, and of the component.
pub(crate) const NAME: &str = "docker-registry";

/// The program on this process's search path.
pub(crate) fn find() -> Option<PathBuf> {
    crate::components::find_program(NAME, &std::env::var_os("PATH")?)
}

/// Its command line; images are kept in the cluster's own folder and go with it.
pub(crate) fn launch(layout: &Layout, program: PathBuf) -> Result<Launch, LocalError> {
    let folder = layout.state.data().join("image-registry");
    private_dir(&folder)?;
    let storage = folder.join("images");
    private_dir(&storage)?;
    let configuration = serde_json::json!({
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": true}},
        "storage": {"filesystem": {"rootdirectory": storage}},
        "http": {"addr": layout.ports.address(NAME)},
    });
    let path = folder.join("config.yml");
    let text = serde_saphyr::to_string(&configuration)
        .map_err(|error| LocalError::Content { path: path.clone(), reason: error.to_string() })?;
    write_private(&path, text)?;
    let mut launch = layout.launch(NAME);
    launch.program = program;
    // It sends traces where an environment or a default says, unless it is told not to.
    launch.env.insert("OTEL_TRACES_EXPORTER".into(), "none".into());
    launch.args = vec!["serve".into(), path.into()];
    Ok(launch)
}
