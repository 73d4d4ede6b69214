//! Requests and answers of `flux-build`, as `protocol.go` of it has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a tree is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildMode {
    /// As Flux's source-controller and kustomize-controller do.
    #[default]
    Flux,
    /// As `kustomize build` does, of the user's own folder.
    Kustomize,
}

/// One build.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FluxBuildRequest {
    /// How to build.
    pub mode: BuildMode,
    /// The folder to build, from the root of the tree.
    pub path: String,
    /// The Flux Kustomization, with what its parents patch into it; without it the folder is built as by one that has nothing but a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomization: Option<Value>,
    /// The values of `spec.postBuild.substituteFrom`, merged in their order.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Whether there are values of `substituteFrom` that are not known: what has no value then stays as it is, and is named.
    pub unknown_variables: bool,
    /// `spec.ignore` of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// The tree, instead of the folder of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<RequestFile>>,
    /// Whether to leave out where the objects are from, which costs a second build.
    pub skip_origins: bool,
    /// Whether kustomize may read files above the folder; for [`BuildMode::Kustomize`] only, since Flux always does.
    pub any_file: bool,
    /// Whether the objects stay in the order of the resources; for [`BuildMode::Kustomize`] only, since Flux never sorts.
    pub unsorted: bool,
}

/// A file of a tree that is in the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestFile {
    /// From the root of the tree.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// How a build ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BuildOutcome {
    /// There are objects and no error.
    Built,
    /// Flux or kustomize would report an error.
    Refused,
    /// The tree names another repository or a URL, which is not fetched here: Flux may be able to build it.
    Remote,
    /// A limit of the harness ended the build: what Flux would say is not known.
    OverLimit,
    /// Something else of the harness or its machine ended the build, such as a full disk: what Flux would say is not known.
    Failed,
}

/// The step that ended the build, in Flux's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BuildStage {
    /// The request, or the Flux Kustomization in it, has a form that the API server would not have accepted.
    Request,
    /// The files of the source. No other build of the tree gets further.
    Artifact,
    /// `spec.path`.
    Path,
    /// The kustomization of the folder: found or generated, and with what the Flux Kustomization adds.
    Generate,
    /// kustomize.
    Build,
    /// The substitution of variables.
    Substitute,
    /// The objects as the kustomize-controller reads them.
    Read,
    /// The last check before the objects are sent to the API server; the answer has them.
    Apply,
}

/// An error: in upstream's own words, or in those of the program where it was not upstream that ended the build.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BuildRefusal {
    /// The step.
    pub stage: BuildStage,
    /// The message; paths in it are those of the tree.
    pub message: String,
}

/// What a build gave.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FluxBuildAnswer {
    /// How it ended.
    pub outcome: BuildOutcome,
    /// The objects in the order of the build.
    #[serde(default)]
    pub objects: Vec<BuiltObject>,
    /// Why there is no result.
    pub refusal: Option<BuildRefusal>,
    /// What would have to be fetched, as far as the build got.
    #[serde(default)]
    pub remotes: Vec<RemoteSource>,
    /// What else is to be known.
    #[serde(default)]
    pub notes: Vec<BuildNote>,
}

/// One object that would be applied.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BuiltObject {
    /// What the API server would get.
    pub value: Value,
    /// The same as `kustomize build` prints it, where that was asked for.
    pub yaml: Option<String>,
    /// Where it is from, where kustomize tells.
    pub origin: Option<ObjectOrigin>,
    /// Variables without a value that are still in it.
    #[serde(default)]
    pub unresolved: Vec<String>,
    /// Variables whose default was taken although their value is not known.
    #[serde(default)]
    pub defaulted: Vec<String>,
    /// JSON pointers to values that SOPS has encrypted.
    #[serde(default)]
    pub encrypted: Vec<String>,
}

/// Where kustomize has an object from. Paths are from the root of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectOrigin {
    /// The file of a resource; empty for what is generated.
    pub path: String,
    /// The kustomization of the generator.
    pub configured_in: String,
    /// The kind of the generator.
    pub generator: String,
}

/// Something that is not in the tree.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RemoteSource {
    /// The URL as the kustomization has it, or that of the repository.
    pub url: String,
    /// The Git reference; empty where the URL has it.
    #[serde(default, rename = "ref")]
    pub reference: String,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BuildNoteKind {
    /// The folder has no kustomization, so Flux generates this one.
    Generated,
    /// `spec.ignoreMissingComponents` leaves this component out.
    MissingComponent,
    /// The build asked for this path, which `.sourceignore` or the source-controller's own rules keep out of the artifact.
    Ignored,
    /// The build asked for this symbolic link; artifacts have none.
    Link,
    /// The build asked for this path, which the client has listed and which was not there any more, or no file.
    Special,
    /// The build read this file as it is; Flux would decrypt it before.
    EncryptedFile,
    /// The kustomize-controller leaves this object (`KIND/NAME`) out.
    NotApplied,
}

/// Something to know about a build.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BuildNote {
    /// What it is about.
    pub kind: BuildNoteKind,
    /// The path from the root of the tree.
    #[serde(default)]
    pub path: String,
}
