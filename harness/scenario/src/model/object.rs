//! Objects of the cluster: which are looked at, what they must be, and how somebody changes them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Setting;
use harness_yaml::Located;

/// An object of the cluster.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Object")]
pub struct ObjectSpec {
    /// `group/version`, or `v1`. The cluster must serve it when the run begins.
    #[schemars(length(min = 1))]
    pub api_version: String,
    /// Its kind.
    #[schemars(length(min = 1))]
    pub kind: String,
    /// Its namespace, where its kind has one. `{namespace}` is the namespace of the run's workloads.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// The field of an object and what its value must be. At least one of `is`, `not`, `atLeast`, `atMost`, `contains`, `present`; all
/// that are given must hold.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Field")]
pub struct FieldSpec {
    /// One of `objects`.
    pub object: Located<String>,
    /// What of it: `spec.replicas`, `metadata.annotations[example.com/owner]`, `status.conditions[type=Ready].status`, `exists`, or
    /// `owners:spec.replicas` for the field managers that own a value.
    pub path: Located<String>,
    /// Exactly this.
    #[serde(default)]
    pub is: Option<Value>,
    /// Anything but this; nothing at all is something else.
    #[serde(default)]
    pub not: Option<Value>,
    /// A number, or a list or map with so many items, of no less.
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// A number, or a list or map with so many items, of no more.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
    /// A text with this part, a list with this item, a map with this key.
    #[serde(default)]
    pub contains: Option<Value>,
    /// There, whatever it is, or not there.
    #[serde(default)]
    pub present: Option<bool>,
    /// Of an expectation: at the end of the last of these phases (default: of the last phase of all).
    #[serde(default, rename = "in")]
    pub phases: Vec<Located<String>>,
    /// Of an expectation: at every moment of each of these phases.
    #[serde(default)]
    pub always: bool,
}

/// How often the value of a field changes. At least one of the bounds.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Changes")]
pub struct ChangesSpec {
    /// One of `objects`.
    pub object: Located<String>,
    /// What of it, as in `field`.
    pub path: Located<String>,
    /// No less often.
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// No more often.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
    /// Only in these phases (default: in all of them).
    #[serde(default, rename = "in")]
    pub phases: Vec<Located<String>>,
}

/// A change of an object behind the back of whoever declares it. Only what the run owns or what its tree holds can be changed, and the
/// GitRepository and Kustomization `flux-system/node-config`; cleanup takes back what is still there. One of `patch`, `delete`, `create`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Change")]
pub struct ChangeSpec {
    /// One of `objects`. May be left out with `create` when the manifest names the object in full.
    #[serde(default)]
    pub object: Option<Located<String>>,
    /// Merge this into it (RFC 7386: `null` removes a key, lists are replaced).
    #[serde(default)]
    pub patch: Option<Value>,
    /// `true` deletes it.
    #[serde(default)]
    pub delete: bool,
    /// Create it from this manifest; what is left out of `apiVersion`, `kind` and `metadata` is that of `object`.
    #[serde(default)]
    pub create: Option<Value>,
    /// Nobody is expected to put it right (default: false). Otherwise the time until that is a sample of `drift_corrected`.
    #[serde(default)]
    pub stays: bool,
    /// The field manager of the request (default: somebody). Flux takes away what `kubectl` has added and leaves what others have.
    #[serde(default)]
    pub by: Option<String>,
}
