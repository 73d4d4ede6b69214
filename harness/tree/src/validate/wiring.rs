//! How the Kustomizations of a cluster hang together: what they wait for, what they point at, and who owns what.

use std::collections::{BTreeMap, BTreeSet};

use crate::files::Files;
use crate::finding::{Finding, Severity};
use crate::kustomize::{self, Built};
use crate::repository::{Applied, Cluster, FluxKustomization, Folder, KustomizationId, Repository, What};
use harness_yaml::{Mark, Node};

/// Everything that is wrong between the parts of a cluster that were asked about.
pub(super) fn findings(files: &Files, repository: &Repository, cluster: &Cluster) -> Vec<Finding> {
    let check = Check { files, repository, cluster };
    let mut findings = Vec::new();
    for applied in cluster.applied.iter().filter(|applied| applied.asked) {
        let Some(by) = &applied.by else { continue };
        findings.extend(check.what_is_applied(by, &applied.what));
        findings.extend(check.dependencies(by));
        findings.extend(check.health_checks(by));
        findings.extend(check.secrets(by, applied));
    }
    findings.extend(check.cycles());
    findings.extend(check.owners());
    findings
}

struct Check<'c> {
    files: &'c Files,
    repository: &'c Repository,
    cluster: &'c Cluster,
}

/// An object's address in a cluster.
type Address<'o> = (&'o str, &'o str, &'o str, &'o str);

fn address(node: &Node) -> Address<'_> {
    let text = |path: &[&str]| node.at(path).and_then(Node::text).unwrap_or_default();
    let (group, _) = kustomize::split_api_version(text(&["apiVersion"]));
    (group, text(&["kind"]), text(&["metadata", "namespace"]), text(&["metadata", "name"]))
}

impl Check<'_> {
    fn finding(&self, severity: Severity, rule: &'static str, mark: Mark, message: impl Into<String>) -> Finding {
        Finding::new(severity, rule, self.files.path_of(mark), mark, message)
    }

    fn kustomizations(&self) -> impl Iterator<Item = &FluxKustomization> {
        self.cluster.applied.iter().filter_map(|applied| applied.by.as_ref())
    }

    fn objects(&self) -> impl Iterator<Item = &Built> {
        self.cluster.applied.iter().flat_map(|applied| &applied.build.objects)
    }

    /// Whether the path is there, and from this repository.
    fn what_is_applied(&self, by: &FluxKustomization, what: &What) -> Option<Finding> {
        const RULE: &str = "flux-path";
        let (mark, path) = (by.path_mark(), by.path());
        match what {
            // What is elsewhere is said once for all that use it.
            What::Files | What::Elsewhere { .. } => None,
            What::Folder(folder) if folder.is_from_top() => None,
            What::Folder(Folder { path: folder, top }) => {
                let message =
                    format!("`{path}` is taken for `{folder}` of this tree, as if the repository began at `{top}`");
                let effect = "that is so where the tree is pushed to a repository of its own";
                Some(self.finding(Severity::Note, RULE, mark, message).effect(effect))
            }
            What::Missing if path.contains("${") => {
                let message = format!("the path `{path}` depends on values that are set outside of this tree");
                let effect = "what the Kustomization applies is not checked";
                Some(self.finding(Severity::Note, RULE, mark, message).effect(effect))
            }
            What::Missing => {
                let message =
                    format!("there is no folder `{path}` in this tree: what the Kustomization applies is not checked");
                let effect = "if its source is this repository, it stays not ready: kustomization path not found";
                let fix =
                    "correct `spec.path`, which is relative to the top of the repository, or validate that repository";
                Some(self.finding(Severity::Warning, RULE, mark, message).effect(effect).fix(fix))
            }
        }
    }

    /// Dependencies that are no Kustomizations of the cluster.
    fn dependencies(&self, by: &FluxKustomization) -> Vec<Finding> {
        let known: BTreeSet<KustomizationId> = self.kustomizations().map(FluxKustomization::id).collect();
        // Who applies a cluster's folders from outside may apply others of the repository beside them.
        let may_be_there =
            |need: &KustomizationId| !self.cluster.bootstrapped && self.repository.kustomizations.contains(&need.name);
        let missing = by.depends_on().into_iter().filter(|(need, _)| !known.contains(need) && !may_be_there(need));
        let finding = |(need, mark): (KustomizationId, Mark)| {
            let message = format!("`{}` waits for the Kustomization `{need}`, which is not in the tree", by.id());
            // What is not in this repository may have it.
            let severity = if self.cluster.complete { Severity::Warning } else { Severity::Note };
            let near = harness_yaml::suggest::closest(&need.name, known.iter().map(|id| id.name.as_str()));
            let fix = near.map_or_else(
                || "correct the name and namespace, or remove the dependency".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.finding(severity, "flux-dependency", mark, message)
                .effect("without it the Kustomization stays not ready, DependencyNotReady, and applies nothing")
                .fix(fix)
        };
        missing.map(finding).collect()
    }

    /// Kustomizations that wait for each other.
    fn cycles(&self) -> Vec<Finding> {
        let needs: BTreeMap<KustomizationId, Vec<(KustomizationId, Mark)>> =
            self.kustomizations().map(|by| (by.id(), by.depends_on())).collect();
        let mut said: BTreeSet<KustomizationId> = BTreeSet::new();
        let mut findings = Vec::new();
        for (start, first) in &needs {
            if said.contains(start) {
                continue;
            }
            let Some(circle) = circle(start, &needs) else { continue };
            said.extend(circle.iter().cloned());
            let mark = first.iter().find(|(need, _)| *need == circle[1 % circle.len()]).map(|(_, mark)| *mark);
            let names: Vec<String> = circle.iter().chain([start]).map(|id| format!("`{id}`")).collect();
            let message = format!("Kustomizations wait for each other: {}", names.join(" waits for "));
            findings.push(
                self.finding(Severity::Error, "flux-dependency", mark.unwrap_or_default(), message)
                    .effect("each stays not ready, DependencyNotReady, and none of them ever applies anything")
                    .fix("remove one of these dependencies"),
            );
        }
        findings
    }

    /// Health checks of objects that nothing applies.
    fn health_checks(&self, by: &FluxKustomization) -> Vec<Finding> {
        let is_there = |check: &Node| {
            let text = |key: &str| check.get(key).and_then(Node::text).unwrap_or_default();
            let (group, _) = kustomize::split_api_version(text("apiVersion"));
            self.objects().any(|built| {
                let (of_group, kind, namespace, name) = address(&built.node);
                (of_group, kind, name) == (group, text("kind"), text("name"))
                    && (namespace.is_empty() || text("namespace").is_empty() || namespace == text("namespace"))
            })
        };
        // What a chart makes is not known here, and neither is what a controller does.
        let makes_more = |check: &Node| {
            let version = check.get("apiVersion").and_then(Node::text).unwrap_or_default();
            let ours = ["toolkit.fluxcd.io/", "karpenter."].iter().any(|group| version.contains(group));
            !ours && self.objects().any(|built| kustomize::kind(&built.node) == "HelmRelease")
        };
        let checks = by.built.node.items_at(&["spec", "healthChecks"]);
        let missing = checks.iter().filter(|check| self.cluster.complete && !is_there(check) && !makes_more(check));
        missing
            .map(|check| {
                let text = |key: &str| check.get(key).and_then(Node::text).unwrap_or_default();
                let message =
                    format!("`{}` waits for the health of {} `{}`, which nothing in the tree applies", by.id(), text("kind"), text("name"));
                self.finding(Severity::Warning, "flux-health-check", check.mark, message)
                    .effect("the Kustomization fails with HealthCheckFailed when its timeout is over, unless something else makes the object")
                    .fix("correct the health check, or remove it")
            })
            .collect()
    }

    /// Encrypted Secrets that nothing decrypts.
    fn secrets(&self, by: &FluxKustomization, applied: &Applied) -> Vec<Finding> {
        if by.spec().is_some_and(|spec| spec.get("decryption").is_some()) {
            return Vec::new();
        }
        let encrypted = applied.build.objects.iter().filter(|built| built.node.at(&["sops", "mac"]).is_some());
        encrypted
            .map(|built| {
                let (_, kind, _, name) = address(&built.node);
                let mark = built.node.entry("sops").map_or(built.node.mark, |entry| entry.key_mark);
                let message =
                    format!("the {kind} `{name}` is encrypted with SOPS, and `{}` has no `decryption`", by.id());
                self.finding(Severity::Warning, "flux-decryption", mark, message)
                    .effect("Flux applies the encrypted text, and whatever reads the object gets the ciphertext")
                    .fix("give the Kustomization `decryption: {provider: sops, secretRef: {name: ...}}`")
            })
            .collect()
    }

    /// Objects that two Kustomizations apply, and differently: one finding for each two.
    fn owners(&self) -> Vec<Finding> {
        // By the clusters that Kustomizations apply to.
        let mut owners: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        let mut contested: BTreeMap<(KustomizationId, KustomizationId), Vec<&Node>> = BTreeMap::new();
        for applied in self.cluster.applied.iter().filter(|applied| applied.is_certain()) {
            let Some(by) = &applied.by else { continue };
            let owners = owners.entry(by.other_cluster().map(|config| config.to_json().to_string())).or_default();
            for built in &applied.build.objects {
                let address = address(&built.node);
                let Some(&(first, node, asked)) = owners.get(&address) else {
                    owners.insert(address, (by, &built.node, applied.asked));
                    continue;
                };
                let is_asked = asked || applied.asked;
                // A name with a variable stands for as many names as it has values.
                let is_named = !address.3.contains("${") && !address.2.contains("${");
                let is_left = is_left_alone(&built.node) || is_left_alone(node);
                if is_asked
                    && is_named
                    && !is_left
                    && first.id() != by.id()
                    && !node.kind.is_same_json(&built.node.kind)
                {
                    contested.entry((first.id(), by.id())).or_default().push(&built.node);
                }
            }
        }
        contested.iter().filter_map(|((first, second), nodes)| self.contest(first, second, nodes)).collect()
    }

    fn contest(&self, first: &KustomizationId, second: &KustomizationId, nodes: &[&Node]) -> Option<Finding> {
        let (_, kind, _, name) = address(nodes.first()?);
        let more = if nodes.len() == 1 { String::new() } else { format!(" and {} more", nodes.len() - 1) };
        let message = format!("both `{first}` and `{second}` apply the {kind} `{name}`{more}, and not the same");
        let finding = self
            .finding(Severity::Warning, "flux-two-owners", nodes.first()?.mark, message)
            .effect("each undoes what the other one has applied, for ever; removing it from one of them deletes it")
            .fix("let one of them apply it");
        Some(finding)
    }
}

/// Whether Flux is told to leave an object as it is where it is there already (`kustomize.toolkit.fluxcd.io/ssa` of kustomize-controller).
fn is_left_alone(node: &Node) -> bool {
    let policy = node.at(&["metadata", "annotations", "kustomize.toolkit.fluxcd.io/ssa"]);
    policy.and_then(Node::text).is_some_and(|policy| ["IfNotPresent", "Ignore", "Merge"].contains(&policy))
}

/// The circle of dependencies that begins and ends at a Kustomization.
fn circle(
    start: &KustomizationId,
    needs: &BTreeMap<KustomizationId, Vec<(KustomizationId, Mark)>>,
) -> Option<Vec<KustomizationId>> {
    let mut seen = BTreeSet::new();
    let mut open = vec![vec![start.clone()]];
    while let Some(path) = open.pop() {
        for (need, _) in path.last().and_then(|last| needs.get(last)).into_iter().flatten() {
            if need == start {
                return Some(path);
            }
            if seen.insert(need.clone()) {
                open.push(path.iter().cloned().chain([need.clone()]).collect());
            }
        }
    }
    None
}
