//! Pushing an image to the target's registry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A nearly empty image, pushed to the target's registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishImage {
    /// Its repository in the registry, such as `demo-app`.
    #[schemars(regex(pattern = r"^[a-z0-9]+([._/-][a-z0-9]+)*$"))]
    pub image: String,
    /// Its tag, such as 1.1.0.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"))]
    pub tag: String,
}
