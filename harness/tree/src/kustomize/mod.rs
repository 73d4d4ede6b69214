//! What Flux makes of a folder: kustomize's build, as far as it needs nothing but the files of the tree.
//!
//! Every value keeps the place that it is from, so that a finding about a patched object points into the patch. What cannot be done here is
//! reported as a note: silence must not look like a check. Source: sigs.k8s.io/kustomize/api v0.21.1, which kustomize-controller v1.9.5 uses.

mod accumulator;
mod build;
mod builder;
#[cfg(test)]
mod differential;
mod envsubst;
mod extensions;
mod field_path;
mod fields;
mod finish;
mod flux;
mod generate;
mod glob;
mod hash;
mod image;
mod inline;
mod json_patch;
mod kinds;
mod labels;
mod layers;
mod merge;
mod names;
mod order;
mod patch;
mod paths;
mod replace;
mod resource;
mod select;
mod source_ignore;
mod specs;
mod steps;
mod substitute;
mod transform;
mod vars;

pub(crate) use build::{build, build_for};
pub(crate) use builder::{Build, Built};
pub(crate) use flux::{FLUX_GROUP, OPERATOR_GROUP, is_flux_kustomization, is_resource_set};
pub(crate) use layers::{LayerBuild, built_files, layers};
pub(crate) use paths::{
    folder_of, is_hidden, is_kustomization, is_within, is_yaml, join, kept_within, kustomization_in,
    kustomization_paths, kustomizations_below,
};
pub(crate) use resource::{kind, listed, split_api_version};
pub(crate) use source_ignore::is_ignored;
pub(crate) use substitute::is_unset;

/// Kinds of Kubernetes itself that belong to no namespace. Source: kyaml openapi, which kustomize asks.
pub(crate) const CLUSTER_KINDS: [&str; 22] = [
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "FlowSchema",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "ClusterTrustBundle",
];
