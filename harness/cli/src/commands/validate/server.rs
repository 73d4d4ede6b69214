//! The dry run against an API server: that of a cluster that is up, or one that is started for it.

use std::collections::{BTreeMap, BTreeSet};

use harness_cluster::Cluster;
use harness_cluster::dry_run::{DryRun, DryRunner};
use harness_cluster::local;
use harness_suite::RunCluster;
use harness_tree::validate::{CheckedObject, Validation};
use harness_tree::{Files, Finding, Severity};

use crate::args::Validate;
use crate::console::Console;
use crate::error::CliError;
use crate::progress::ConsoleProgress;

const RULE: &str = "api-server";

/// A cluster whose API server is asked about each object.
pub(super) struct Server {
    cluster: Cluster,
    throwaway: bool,
    runner: DryRunner,
}

impl Server {
    /// Returns the cluster that is up, or with `--server` one of its own; `None` if no API server is asked.
    pub(super) async fn find(args: &Validate, console: &Console) -> Result<Option<Self>, CliError> {
        if args.offline {
            return Ok(None);
        }
        let target = args.local.target();
        target.check_named()?;
        let (cluster, throwaway) = if args.server {
            let progress = ConsoleProgress::new(console);
            let RunCluster { cluster, throwaway } = target.for_run("validate", false, None, &progress).await?;
            (cluster, throwaway)
        } else {
            match local::attach(&local::default_state_root(), target.name()).await {
                Ok(Some(cluster)) => (cluster, false),
                Ok(None) => return Ok(None),
                Err(error) => {
                    console.say(&format!(
                        "cannot ask the API server of `{}`, so the embedded schemas are used: {error}",
                        target.name()
                    ));
                    return Ok(None);
                }
            }
        };
        console.say(&format!("asking the API server of the local cluster `{}` (dry run)", cluster.name()));
        let runner = DryRunner::new(cluster.dry_run_client()?);
        Ok(Some(Self { cluster, throwaway, runner }))
    }

    /// Adds the answers of the API server to the findings.
    pub(super) async fn check(&mut self, validation: &mut Validation, files: &Files) -> Result<(), CliError> {
        let of_kind = |kind: &'static str| validation.objects.iter().filter(move |object| object.kind == kind);
        let crds: BTreeSet<String> = of_kind("CustomResourceDefinition")
            .filter_map(|crd| crd.value()["spec"]["names"]["kind"].as_str().map(str::to_owned))
            .collect();
        let namespaces: BTreeSet<String> = of_kind("Namespace").map(|object| object.name.clone()).collect();
        let mut found = Vec::new();
        let mut missing = BTreeSet::new();
        let mut not_asked: BTreeMap<String, (&CheckedObject, usize)> = BTreeMap::new();
        let mut unserved: BTreeMap<(&str, &str), (&CheckedObject, usize)> = BTreeMap::new();
        for object in validation.objects.iter().filter(|object| !object.kind.is_empty() && !object.name.is_empty()) {
            if !object.is_whole() {
                not_asked.entry(INCOMPLETE.to_owned()).or_insert((object, 0)).1 += 1;
                continue;
            }
            match self.runner.ask(&object.value()).await? {
                // One note for each kind that may not be asked about: the reason names the object.
                DryRun::NotAsked { reason } => {
                    let reason = reason.replace(&object.name, "NAME");
                    not_asked.entry(reason).or_insert((object, 0)).1 += 1;
                }
                DryRun::Accepted { missing_namespace: Some(name) } if !namespaces.contains(&name) => {
                    if missing.insert(name.clone()) {
                        found.push(no_namespace(object, &name));
                    }
                }
                DryRun::Accepted { .. } => {}
                DryRun::NotServed if crds.contains(&object.kind) => {}
                DryRun::NotServed => {
                    let of_kind = unserved.entry((&object.api_version, &object.kind)).or_insert((object, 0));
                    of_kind.1 += 1;
                }
                DryRun::Refused(refusals) => found.extend(refusals.iter().map(|refusal| {
                    let message = format!("the API server refuses {}: {}", object.id(), refusal.message);
                    object
                        .finding(Severity::Error, RULE, &refusal.field, &message)
                        .effect("Flux applies nothing of the tree and reports it as not ready")
                        .fix("change what it names")
                })),
            }
        }
        found.extend(unserved.values().map(|(object, count)| not_served(object, *count)).filter(|note| {
            // A rule has already found that no server has this version, and what to write instead.
            let is_known =
                |known: &Finding| known.rule == "api-version" && (&known.file, known.line) == (&note.file, note.line);
            !validation.findings.iter().any(is_known)
        }));
        found.extend(not_asked.iter().map(|(reason, (object, count))| was_not_asked(object, *count, reason)));
        for finding in found {
            merge(&mut validation.findings, finding, files);
        }
        validation
            .findings
            .sort_by(|a, b| (&a.file, a.line, a.column, a.rule).cmp(&(&b.file, b.line, b.column, b.rule)));
        Ok(())
    }

    /// Takes down the cluster if it was started for the check.
    pub(super) async fn end(self, console: &Console) {
        if !self.throwaway {
            return;
        }
        let left = self.cluster.teardown(None).await.left;
        if !left.is_empty() {
            console.error(&format!("left behind by the cluster of this check: {}", left.join(", ")));
        }
    }
}

fn no_namespace(object: &CheckedObject, name: &str) -> Finding {
    let message = format!("the namespace `{name}` is neither on the cluster nor in the tree");
    object
        .finding(Severity::Warning, RULE, "metadata.namespace", &message)
        .effect("if it is not on the target either, Flux applies nothing of the tree")
        .fix("add the Namespace to the tree")
}

/// Why the server is not asked about an object that only Flux can complete.
const INCOMPLETE: &str = "it holds values that only Flux has: encrypted ones, or variables of the cluster";

fn was_not_asked(object: &CheckedObject, count: usize, reason: &str) -> Finding {
    let more = if count == 1 { String::new() } else { format!(" and {} more objects", count - 1) };
    let message = format!("the API server was not asked about {}{more}: {reason}", object.id());
    object
        .finding(Severity::Note, RULE, "kind", &message)
        .effect("such an object is checked as far as a schema of it is embedded")
}

fn not_served(object: &CheckedObject, count: usize) -> Finding {
    let objects = if count == 1 { format!("{} was", object.id()) } else { format!("{count} objects were") };
    let message = format!(
        "the cluster does not serve {} of {}, so {objects} not checked by its API server",
        object.kind, object.api_version
    );
    object
        .finding(Severity::Note, RULE, "apiVersion", &message)
        .effect("the fields are checked as far as a schema of the kind is embedded")
}

/// Adds a finding of the API server, or its message to the error that a rule has found on the same line. Where a rule has noted that
/// only another version of the CRD has a value, the refusal of that value is left out.
fn merge(findings: &mut Vec<Finding>, new: Finding, files: &Files) {
    let is_said = |known: &Finding| {
        (known.rule, known.severity) == ("schema-enum", Severity::Note)
            && (&known.file, known.line, known.column) == (&new.file, new.line, new.column)
    };
    if findings.iter().any(is_said) {
        return;
    }
    let same = findings.iter_mut().find(|known| {
        known.severity == Severity::Error
            && new.severity == Severity::Error
            && known.file == new.file
            && known.line == new.line
    });
    if let Some(known) = same {
        known.effect = if known.refused { new.message } else { format!("{}; {}", known.effect, new.message) };
        return;
    }
    let text = files.text_at(&new.file).unwrap_or_default();
    findings.push(new.ending(text));
}
