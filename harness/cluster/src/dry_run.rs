//! What an API server says of objects without keeping them: server-side apply as Flux does it, with `dryRun=All`.

use std::collections::HashMap;

use harness_kubernetes::plain;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::discovery::{ApiCapabilities, Scope, oneshot};
use serde_json::Value;

/// Who would apply, in `managedFields` that are never kept.
const FIELD_MANAGER: &str = "harness-validate";

/// Where objects are tried whose own namespace is not there yet: what is asked is about their content.
const NAMESPACE_INSTEAD: &str = "default";

/// What the server says of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// It would be taken.
    Accepted {
        /// Its namespace is not there, so that it was tried in another one.
        missing_namespace: Option<String>,
    },
    /// It would be refused.
    Refused(Vec<Refusal>),
    /// The server says nothing of the object: this user may not ask about its kind, or a webhook on the cluster does not answer.
    NotAsked {
        /// Why, in the server's own words.
        reason: String,
    },
    /// The server serves no such kind, or the object has no `apiVersion`, `kind` or name by which it could be asked about.
    NotServed,
}

/// One reason of a refusal, in the server's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The field as the server names it, `spec.disruption.budgets[0].nodes`; empty where it names none.
    pub field: String,
    /// What it says.
    pub message: String,
}

/// The server could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot ask the API server about {object}: {}; is the cluster up? `harness status` shows it", plain(source))]
pub struct DryRunError {
    /// `NodePool general`.
    pub object: String,
    /// Why not.
    #[source]
    pub source: Box<kube::Error>,
}

/// A kind as the server serves it; `None` where it does not.
type Served = Option<(ApiResource, ApiCapabilities)>;

/// Asks about objects one after another, with what was learnt about their kinds.
pub struct DryRunner {
    client: kube::Client,
    kinds: HashMap<GroupVersionKind, Served>,
}

impl std::fmt::Debug for DryRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DryRunner").field("kinds", &self.kinds.len()).finish_non_exhaustive()
    }
}

impl DryRunner {
    /// A runner that asks the server of `client`.
    pub fn new(client: kube::Client) -> Self {
        Self { client, kinds: HashMap::new() }
    }

    /// What the server says of an object.
    ///
    /// # Errors
    /// When it cannot be reached or does not answer in the way of an API server. A refusal is no error.
    pub async fn ask(&mut self, object: &Value) -> Result<DryRun, DryRunError> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let name = text(&object["metadata"]["name"]);
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        if version.is_empty() || kind.is_empty() || name.is_empty() {
            return Ok(DryRun::NotServed);
        }
        let failed = |source| DryRunError { object: format!("{kind} {name}"), source: Box::new(source) };
        let served = self.kind(GroupVersionKind::gvk(group, version, &kind)).await.map_err(failed)?;
        let Some((resource, capabilities)) = served else { return Ok(DryRun::NotServed) };
        let namespaced = capabilities.scope == Scope::Namespaced;
        let own = object["metadata"]["namespace"].as_str().unwrap_or(NAMESPACE_INSTEAD);
        let first = self.apply(&resource, namespaced.then_some(own), &name, object).await;
        match answer(first).map_err(failed)? {
            DryRun::Refused(refusals)
                if namespaced && refusals.iter().any(|one| is_missing_namespace(&one.message)) =>
            {
                let mut moved = object.clone();
                moved["metadata"]["namespace"] = Value::from(NAMESPACE_INSTEAD);
                let again = self.apply(&resource, Some(NAMESPACE_INSTEAD), &name, &moved).await;
                Ok(match answer(again).map_err(failed)? {
                    DryRun::Accepted { .. } => DryRun::Accepted { missing_namespace: Some(own.to_owned()) },
                    DryRun::Refused(refusals) => without_namespace(refusals, own),
                    other => other,
                })
            }
            other => Ok(other),
        }
    }

    async fn kind(&mut self, kind: GroupVersionKind) -> Result<Served, kube::Error> {
        if let Some(known) = self.kinds.get(&kind) {
            return Ok(known.clone());
        }
        let served = match oneshot::pinned_kind(&self.client, &kind).await {
            Ok(served) => Some(served),
            Err(kube::Error::Discovery(_)) => None,
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => return Err(error),
        };
        self.kinds.insert(kind, served.clone());
        Ok(served)
    }

    async fn apply(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
        name: &str,
        object: &Value,
    ) -> Result<DynamicObject, kube::Error> {
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        };
        let mut parameters = PatchParams::apply(FIELD_MANAGER).force().validation_strict();
        parameters.dry_run = true;
        api.patch(name, &parameters, &Patch::Apply(object)).await
    }
}

fn answer(reply: Result<DynamicObject, kube::Error>) -> Result<DryRun, kube::Error> {
    match reply {
        Ok(_) => Ok(DryRun::Accepted { missing_namespace: None }),
        Err(kube::Error::Api(status)) if says_nothing_of_the_object(status.code, &status.message) => {
            Ok(DryRun::NotAsked { reason: status.message.clone() })
        }
        Err(kube::Error::Api(status))
            if matches!(status.code, 400 | 403 | 404 | 409 | 413 | 422) || is_of_schema(&status.message) =>
        {
            let causes = status.details.iter().flat_map(|details| &details.causes);
            let refusals: Vec<Refusal> = causes
                .filter(|cause| !cause.field.is_empty())
                .map(|cause| Refusal { field: cause.field.clone(), message: cause.message.clone() })
                .collect();
            Ok(DryRun::Refused(if refusals.is_empty() { in_message(&status.message) } else { refusals }))
        }
        Err(error) => Err(error),
    }
}

/// Whether an answer is about who asks, or about a webhook that does not answer, and not about the object. An admission policy answers with
/// 403 too, and speaks of the object then.
fn says_nothing_of_the_object(code: u16, message: &str) -> bool {
    let may_not = message.contains(" cannot ") && message.contains(" resource ");
    let would_grant = message.contains("attempting to grant RBAC permissions not currently held");
    match code {
        401 => true,
        403 => may_not || would_grant,
        500.. => message.contains("failed calling webhook"),
        _ => false,
    }
}

/// Server-side apply answers an undeclared field with 500.
fn is_of_schema(message: &str) -> bool {
    message.contains("field not declared in schema") || message.contains("failed to create typed")
}

/// What refusals say of an object that was tried in another namespace: nothing where they are about that one, such as a label that it needs.
fn without_namespace(refusals: Vec<Refusal>, own: &str) -> DryRun {
    // The words of field.Forbidden in apimachinery's `pkg/util/validation/field/errors.go`.
    let is_of_namespace = |one: &Refusal| one.message.starts_with("Forbidden: ") && one.message.contains("namespace");
    let (of_namespace, rest): (Vec<_>, Vec<_>) = refusals.into_iter().partition(is_of_namespace);
    match of_namespace.into_iter().next() {
        Some(first) if rest.is_empty() => {
            DryRun::NotAsked { reason: format!("the namespace `{own}` is not on the cluster: {}", first.message) }
        }
        _ => DryRun::Refused(rest),
    }
}

fn is_missing_namespace(message: &str) -> bool {
    message.starts_with("namespaces \"") && message.ends_with("\" not found")
}

/// The fields that a message names itself, a refusal each: `unknown field "spec.location"`, and of server-side apply
/// `.spec.location: field not declared in schema` or a list of such lines.
fn in_message(message: &str) -> Vec<Refusal> {
    let quoted = message.match_indices("unknown field \"").filter_map(|(at, found)| {
        let rest = &message[at + found.len()..];
        let (field, _) = rest.split_once('"')?;
        Some(Refusal { field: field.to_owned(), message: format!("unknown field \"{field}\"") })
    });
    let of_schema = message.lines().filter(|_| is_of_schema(message)).filter_map(|line| {
        let start = if line.trim_start().starts_with('.') {
            line.len() - line.trim_start().len()
        } else {
            line.find(": .")? + 2
        };
        let (field, words) = line[start + 1..].split_once(": ")?;
        Some(Refusal { field: field.to_owned(), message: format!(".{field}: {words}") })
    });
    let found: Vec<Refusal> = quoted.chain(of_schema).collect();
    if found.is_empty() { vec![Refusal { field: String::new(), message: message.to_owned() }] } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Before, each of the first four ended the whole check.
    #[rstest]
    #[case(
        403,
        "secrets \"a\" is forbidden: User \"harness\" cannot patch resource \"secrets\" in API group \"\"",
        true
    )]
    #[case(
        403,
        "clusterroles \"a\" is forbidden: user \"harness\" (groups=[]) is attempting to grant RBAC permissions not currently held:",
        true
    )]
    #[case(401, "Unauthorized", true)]
    #[case(500, "Internal error occurred: failed calling webhook \"a.b.c\": connection refused", true)]
    #[case(403, "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\"", false)]
    #[case(422, "invalid", false)]
    fn who_asks_is_not_the_object(#[case] code: u16, #[case] message: &str, #[case] expected: bool) {
        assert_eq!(says_nothing_of_the_object(code, message), expected);
    }

    #[rstest]
    #[case(
        "failed to create typed patch object (/a; karpenter.azure.com/v1beta1, Kind=AKSNodeClass): .spec.location: field not declared in schema",
        &["spec.location"]
    )]
    #[case("strict decoding error: unknown field \"spec.a\", unknown field \"spec.b\"", &["spec.a", "spec.b"])]
    #[case(
        "failed to create typed patch object (/a; karpenter.sh/v1, Kind=NodePool): errors:\n  .spec.weight: expected numeric (int or float), got string\n  .spec.template.spec.taints[0].value: expected string, got x",
        &["spec.weight", "spec.template.spec.taints[0].value"]
    )]
    #[case("something else", &[""])]
    fn fields_are_found_in_messages(#[case] message: &str, #[case] fields: &[&str]) {
        let found: Vec<String> = in_message(message).into_iter().map(|refusal| refusal.field).collect();
        assert_eq!(found, fields);
    }

    /// Before, an object that is allowed by a label of its namespace was refused where that namespace was not on the cluster.
    #[test]
    fn what_a_namespace_allows_is_not_known_without_it() {
        let refusal = |message: &str| Refusal { field: "spec".to_owned(), message: message.to_owned() };
        let label = "Forbidden: admin access to devices requires the `x` label on the containing namespace";
        assert!(matches!(without_namespace(vec![refusal(label)], "ai"), DryRun::NotAsked { .. }));
        let other = || refusal("unknown field \"spec.namespaceSelectr\"");
        assert_eq!(without_namespace(vec![refusal(label), other()], "ai"), DryRun::Refused(vec![other()]));
    }

    #[test]
    fn a_namespace_that_is_not_there_is_told_from_an_object_that_is_not() {
        assert!(is_missing_namespace("namespaces \"monitoring\" not found"));
        assert!(!is_missing_namespace("nodepools.karpenter.sh \"a\" not found"));
    }
}
