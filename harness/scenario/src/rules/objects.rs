//! Objects of the cluster, each with one name.

use std::collections::BTreeMap;

use super::Context;
use super::names::malformed;
use harness_yaml::Diagnostic;

pub(super) fn have_one_name(context: &Context<'_>) -> Vec<Diagnostic> {
    let objects = &context.scenario.objects;
    let mut found = Vec::new();
    let mut addresses: BTreeMap<_, &str> = BTreeMap::new();
    for (name, spec) in objects {
        let mark = context.key_mark(&["objects", name]);
        found.extend(malformed(context, "an object", name, mark));
        let address = (&spec.api_version, &spec.kind, &spec.namespace, &spec.name);
        if let Some(first) = addresses.insert(address, name) {
            let message = format!("`{name}` is the same object as `{first}`");
            found.push(context.error(mark, message, "name it once"));
        }
    }
    found
}
