//! All of it together.

use super::expectations::Present;
use super::sized::Sized;
use super::{
    Chance, Inputs, by_hand, chance, deadlines, expectations, gitops, moments, objects, phases, references, spot,
    workloads,
};
use crate::rules::quoted;
use harness_plan::{NodeConfig, PLAN_VERSION, Plan, Workload};
use harness_simulation::Behaviour;
use harness_tree::{Severity, check_skus};
use harness_units::Share;
use harness_yaml::{Diagnostic, in_order};

/// Decides everything, and says what is left to chance.
pub(crate) fn expand(inputs: &Inputs<'_>) -> Result<(Plan, Vec<Chance>), Vec<Diagnostic>> {
    let model = &inputs.bound.file;
    let mut diagnostics: Vec<Diagnostic> = check_skus(&inputs.tree.pools, inputs.skus)
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(Diagnostic::from)
        .collect();
    let (moments, wrong_pushes) = moments::moments(inputs);
    diagnostics.extend(wrong_pushes);
    let mut chosen = workloads::choose(inputs, &moments);
    diagnostics.append(&mut chosen.diagnostics);
    let mut phases = phases::expand(&model.phases, &model.objects, &mut chosen.workloads, &moments, inputs.seed);
    chosen.notes.extend(deadlines::extend(&mut phases, inputs, &moments));
    let cut = chosen.workloads.iter().filter_map(Sized::note);
    if inputs.is_own_tree() {
        // A burst that the pool's own limits cannot hold would end in a deadline that says nothing about the provisioner.
        diagnostics.extend(cut.map(|note| {
            let path: Vec<String> = note.path.iter().map(|key| (*key).to_owned()).collect();
            let mark = inputs.scenario.mark_at(note.action, &path, false);
            Diagnostic::new(inputs.scenario.file(), mark, note.message).with_hint(note.hint)
        }));
    } else {
        chosen.notes.extend(cut.map(|note| note.message));
    }
    let per_node = chosen.workloads.iter().map(|sized| (sized.workload.name.clone(), sized.per_node)).collect();
    let workloads: Vec<Workload> = chosen.workloads.into_iter().map(|sized| sized.workload).collect();
    diagnostics.extend(references::unknown(inputs, &moments, &workloads));
    diagnostics.extend(spot::impossible(inputs, &moments, &workloads));
    diagnostics.extend(by_hand::refused(inputs, &moments));
    if !diagnostics.is_empty() {
        return Err(in_order(diagnostics));
    }
    let present = Present::of(inputs, &moments, &workloads);
    let mut expectations: Vec<_> = expectations::of_phases(&phases).collect();
    for expected in &model.expect {
        match present.expectation(expected) {
            Ok(expectation) => expectations.push(expectation),
            // On the tree that it is written for, a scenario expects nothing that cannot be checked.
            Err(problem) if inputs.is_own_tree() => {
                let mark = inputs.scenario.mark_at(expected.mark, &problem.path, false);
                let file = inputs.scenario.file();
                diagnostics.push(Diagnostic::new(file, mark, problem.message).with_hint(problem.hint));
            }
            Err(_) => {
                let name = quoted(&expected.beside.name(&expected.variant));
                chosen.notes.push(format!("{name} is left out: no workload or NodePool of this tree matches it"));
            }
        }
    }
    if !diagnostics.is_empty() {
        return Err(in_order(diagnostics));
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
            aks_defaults: inputs.tree.aks_defaults.clone(),
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
