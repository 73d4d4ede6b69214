//! The check by an API server: one that is up, or one that is started for it.

use std::collections::BTreeSet;

use harness_cluster::Cluster;
use harness_cluster::dry_run::{DryRun, DryRunner};
use harness_cluster::local;
use harness_tree::validate::{CheckedObject, Validation};
use harness_tree::{Finding, Severity, SourceFile};

use crate::args::Validate;
use crate::console::Console;
use crate::error::CliError;
use crate::target;

const RULE: &str = "api-server";

/// A cluster to ask.
pub(super) struct Server {
    cluster: Cluster,
    throwaway: bool,
    runner: DryRunner,
}

impl Server {
    /// The cluster that is up, or with `--server` one of its own; `None` where nobody is asked.
    pub(super) async fn find(args: &Validate, console: &Console) -> Result<Option<Self>, CliError> {
        if args.offline {
            return Ok(None);
        }
        let (cluster, throwaway) = if args.server {
            let found = target::for_run(&args.local, "validate", false, console).await?;
            (found.cluster, found.throwaway)
        } else {
            match local::attach(&local::default_state_root(), &args.local.cluster).await {
                Ok(Some(cluster)) => (cluster, false),
                Ok(None) => return Ok(None),
                Err(error) => {
                    console.say(&format!(
                        "`{}` cannot be asked, and the embedded schemas are used: {error}",
                        args.local.cluster
                    ));
                    return Ok(None);
                }
            }
        };
        console.say(&format!("asking the API server of the local cluster `{}` (dry run)", cluster.name()));
        let runner = DryRunner::new(cluster.client());
        Ok(Some(Self { cluster, throwaway, runner }))
    }

    /// Adds what the server says to what was found.
    pub(super) async fn check(&mut self, validation: &mut Validation, files: &[SourceFile]) -> Result<(), CliError> {
        let brought = |kind: &'static str| validation.objects.iter().filter(move |object| object.kind == kind);
        let crds: BTreeSet<String> = brought("CustomResourceDefinition")
            .filter_map(|crd| crd.value["spec"]["names"]["kind"].as_str().map(str::to_owned))
            .collect();
        let namespaces: BTreeSet<String> = brought("Namespace").map(|object| object.name.clone()).collect();
        let mut said = Vec::new();
        let mut missing = BTreeSet::new();
        for object in validation.objects.iter().filter(|object| !object.kind.is_empty() && !object.name.is_empty()) {
            match self.runner.ask(&object.value).await? {
                DryRun::Accepted { missing_namespace: Some(name) } if !namespaces.contains(&name) => {
                    if missing.insert(name.clone()) {
                        said.push(no_namespace(object, &name));
                    }
                }
                DryRun::Accepted { .. } => {}
                DryRun::NotServed if crds.contains(&object.kind) => {}
                DryRun::NotServed => {
                    let note = not_served(object);
                    // That nobody serves this version has been said, with what to write instead.
                    let gone = |known: &Finding| {
                        known.rule == "api-version" && (&known.file, known.line) == (&note.file, note.line)
                    };
                    if !validation.findings.iter().any(gone) {
                        said.push(note);
                    }
                }
                DryRun::Refused(refusals) => said.extend(refusals.iter().map(|refusal| {
                    let words = format!("the API server refuses {}: {}", object.id(), refusal.message);
                    object
                        .finding(Severity::Error, RULE, &refusal.field, &words)
                        .effect("Flux applies nothing of the tree and reports it as not ready")
                        .fix("change what it names")
                })),
            }
        }
        for finding in said {
            merge(&mut validation.findings, finding, files);
        }
        validation
            .findings
            .sort_by(|a, b| (&a.file, a.line, a.column, a.rule).cmp(&(&b.file, b.line, b.column, b.rule)));
        Ok(())
    }

    /// Ends what was started for the check.
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

fn not_served(object: &CheckedObject) -> Finding {
    let message = format!("the cluster serves no {} of {}: it could not be asked", object.kind, object.api_version);
    object
        .finding(Severity::Note, RULE, "apiVersion", &message)
        .effect("its fields are checked as far as a schema of it is embedded")
}

/// The server's words, where a rule has said the same already: with that rule.
fn merge(findings: &mut Vec<Finding>, said: Finding, files: &[SourceFile]) {
    let same = findings.iter_mut().find(|known| {
        known.severity == Severity::Error
            && said.severity == Severity::Error
            && known.file == said.file
            && known.line == said.line
    });
    if let Some(known) = same {
        if !known.effect.contains("the API server refuses") || known.rule == RULE {
            known.effect = format!("{}; {}", known.effect, said.message);
        } else {
            known.effect = said.message;
        }
        return;
    }
    let text = files.iter().find(|file| file.path == said.file).map_or("", |file| file.text.as_str());
    findings.push(said.ending(text));
}
