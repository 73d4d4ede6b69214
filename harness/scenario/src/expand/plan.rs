//! All of it together.

use super::{Chance, Inputs, chance, expectations, gitops, objects, phases, workloads};
use harness_plan::{Action, Candidates, NodeConfig, PLAN_VERSION, Plan, Workload};
use harness_simulation::Behaviour;
use harness_tree::{Severity, check_skus};
use harness_units::Share;
use harness_yaml::suggest;
use harness_yaml::{Diagnostic, Mark, in_order};

/// Decides everything, and says what is left to chance.
pub(crate) fn expand(inputs: &Inputs<'_>) -> Result<(Plan, Vec<Chance>), Vec<Diagnostic>> {
    let model = &inputs.bound.file;
    let mut diagnostics: Vec<Diagnostic> = check_skus(&inputs.tree.pools, inputs.skus)
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(Diagnostic::from)
        .collect();
    let mut chosen = workloads::choose(inputs);
    diagnostics.append(&mut chosen.diagnostics);
    let phases = phases::expand(&model.phases, &model.objects, &mut chosen.workloads, inputs.seed);
    let cut: Vec<String> = chosen.workloads.iter().filter_map(workloads::Sized::note).collect();
    if inputs.tree.source == inputs.scenario.node_config() {
        // A burst that the pool's own limits cannot hold would end in a deadline that says nothing about the provisioner.
        let mark = inputs.scenario.scale_mark(model);
        let error = |note| {
            Diagnostic::new(inputs.scenario.file(), mark, note)
                .with_hint("ask for fewer pods, or raise the pool's limits")
        };
        diagnostics.extend(cut.into_iter().map(error));
    } else {
        chosen.notes.extend(cut);
    }
    let per_node = chosen.workloads.iter().map(|sized| (sized.workload.name.clone(), sized.per_node)).collect();
    let workloads: Vec<Workload> = chosen.workloads.into_iter().map(|sized| sized.workload).collect();
    diagnostics.extend(unknown_pools(inputs));
    if !diagnostics.is_empty() {
        return Err(in_order(diagnostics));
    }
    let running: Vec<&Workload> = workloads.iter().filter(|workload| workload.replicas_peak > 0).collect();
    let limited: Vec<String> = inputs
        .tree
        .pools
        .iter()
        .filter(|pool| {
            pool.limits != Default::default() && workloads.iter().any(|workload| workload.class == pool.name)
        })
        .map(|pool| pool.name.clone())
        .collect();
    let pools: Vec<String> = inputs.tree.pools.iter().map(|pool| pool.name.clone()).collect();
    let present = expectations::Present { workloads: &running, pools: &pools, limited: &limited, azure: &model.azure };
    let mut expectations: Vec<_> = expectations::of_phases(&phases).collect();
    for expected in &model.expect {
        match present.expectation(expected) {
            Some(expectation) => expectations.push(expectation),
            None => {
                let name = expected.beside.name(&expected.variant);
                chosen.notes.push(format!("`{name}` is left out: no workload or NodePool of this tree matches it"));
            }
        }
    }
    let mut plan = Plan {
        version: PLAN_VERSION,
        scenario: inputs.scenario.name().to_owned(),
        question: inputs.scenario.question().to_owned(),
        profile: inputs.bound.profile,
        seed: inputs.seed,
        parameters: inputs.bound.values.0.clone(),
        needs: inputs.scenario.needs().into_iter().collect(),
        azure: azure(&model.azure, inputs.seed),
        node_config: NodeConfig {
            source: inputs.tree.source.clone(),
            sha256: inputs.tree.sha256.clone(),
            classes: chosen.classes,
        },
        gitops: gitops::expand(model.gitops.as_ref(), inputs.tree, &phases),
        namespace_quota: model.namespace_quota.clone(),
        webhook: model.webhook.is_some(),
        workloads,
        objects: objects::objects(&model.objects, &phases, &expectations),
        phases,
        expectations,
        published: model.published.clone(),
        notes: chosen.notes,
    };
    let chances = chance::chances(&plan, &per_node);
    plan.notes.extend(chances.iter().filter_map(Chance::note));
    Ok((plan, chances))
}

/// The last part of a boot in which the Node is there and not Ready yet: an assumption after what AKS users report, about 55 s from the request
/// to the registration and 12 s from there to Ready. It also keeps what the controllers do on a registration out of the moment at which Ready
/// is measured.
const REGISTERED_SHARE: Share = Share(0.2);

fn azure(asked: &Behaviour, seed: u64) -> Behaviour {
    Behaviour { seed, registered_share: asked.registered_share.or(Some(REGISTERED_SHARE)), ..asked.clone() }
}

/// Pools that the scenario names must be in the tree that it is written for; on another one they are left out.
fn unknown_pools(inputs: &Inputs<'_>) -> Vec<Diagnostic> {
    if inputs.tree.source != inputs.scenario.node_config() {
        return Vec::new();
    }
    let pools = || inputs.tree.pools.iter().map(|pool| pool.name.as_str());
    let mut named = pools_of_expectations(inputs);
    named.extend(pools_of_actions(inputs));
    named.retain(|(name, _)| !pools().any(|pool| pool == *name));
    let unknown = named.into_iter().map(|(name, mark)| {
        let message = format!("there is no NodePool `{name}` in the tree `{}`", inputs.tree.source);
        Diagnostic::new(inputs.scenario.file(), mark, message).with_hint(suggest::hint(name, pools()))
    });
    unknown.collect()
}

fn pools_of_expectations<'a>(inputs: &'a Inputs<'_>) -> Vec<(&'a str, Mark)> {
    let mut named = Vec::new();
    for expectation in &inputs.bound.file.expect {
        let Some((selection, Candidates::Nodepools | Candidates::LimitedNodepools)) =
            expectation.variant.scope().selection
        else {
            continue;
        };
        for (index, name) in selection.names().iter().enumerate() {
            let path = [expectation.variant.as_str(), "nodepools", &index.to_string()];
            named.push((name.as_str(), inputs.scenario.place(expectation.mark, &path)));
        }
    }
    named
}

/// Those of actions before the first commit, which may add others.
fn pools_of_actions<'a>(inputs: &'a Inputs<'_>) -> impl Iterator<Item = (&'a str, Mark)> {
    let actions = inputs.bound.file.phases.iter().flat_map(|phase| &phase.actions);
    actions.take_while(|action| !action.variant.pushes()).filter_map(|action| match &action.variant {
        Action::DeleteNodeClaims(asked) => {
            let mark = inputs.scenario.place(action.mark, &[action.variant.as_str(), "nodepool"]);
            Some((asked.nodepool.as_str(), mark))
        }
        _ => None,
    })
}
