//! The structure of requirements. Whether a VM size meets them is checked where the sizes are known.

use super::pool::same_but_case;
use crate::finding::Finding;
use crate::object::Object;
use crate::pool::Operator;
use harness_yaml::Node;
use harness_yaml::suggest;
use strum::VariantNames;

const RULE: &str = "requirements";
const REQUIREMENTS_MAX: usize = 100;
const MIN_VALUES_MAX: u64 = 50;

pub(super) fn are_well_formed(object: &Object<'_>) -> Vec<Finding> {
    let path = ["spec", "template", "spec", "requirements"];
    let Some(requirements) = object.node.at(&path) else {
        let finding = object.refused(
            RULE,
            object.key_mark(&path),
            "`spec.template.spec.requirements` is missing",
            "list at least `karpenter.azure.com/sku-family`; `requirements: []` allows every VM size",
        );
        return vec![finding];
    };
    let items = requirements.items();
    let mut findings: Vec<Finding> = items.iter().flat_map(|item| check_requirement(object, item)).collect();
    if items.len() > REQUIREMENTS_MAX {
        let message = format!("{} requirements are more than {REQUIREMENTS_MAX}", items.len());
        findings.push(object.refused(RULE, requirements.mark, message, "remove some"));
    }
    findings
}

fn check_requirement(object: &Object<'_>, item: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    let key = item.get("key").and_then(Node::text).unwrap_or_default();
    if key.is_empty() {
        findings.push(object.refused(RULE, item.mark, "a requirement has no `key`", "name a label"));
    }
    let values = item.items_at(&["values"]);
    let mark = item.entry("values").map_or(item.mark, |entry| entry.key_mark);
    for value in values.iter().filter(|value| value.text().is_none()) {
        let message = format!("a value of `{key}` is {}, where a text is expected", value.describe());
        let (fix, edits) = object.as_text(value);
        findings.push(object.refused(RULE, value.mark, message, fix).edits(edits));
    }
    let Some(operator) = item.get("operator") else {
        let message = format!("the requirement on `{key}` has no `operator`");
        findings.push(object.refused(RULE, item.mark, message, "write `operator: In`"));
        return findings;
    };
    let name = operator.scalar().unwrap_or_default();
    match name.parse() {
        Err(_) => {
            let fix = suggest::hint(&name, Operator::VARIANTS.iter().copied());
            let right = same_but_case(&name, Operator::VARIANTS);
            let edits = right.map(|right| object.replacing(operator, right)).unwrap_or_default();
            findings
                .push(object.refused(RULE, operator.mark, format!("there is no operator `{name}`"), fix).edits(edits));
        }
        Ok(Operator::In | Operator::NotIn) if values.is_empty() => {
            findings.push(object.refused(RULE, mark, format!("`{name}` without values"), "name at least one value"));
        }
        Ok(Operator::Exists | Operator::DoesNotExist) if !values.is_empty() => {
            findings.push(object.refused(RULE, mark, format!("`{name}` takes no values"), "remove `values`"));
        }
        Ok(Operator::Gt | Operator::Lt | Operator::Gte | Operator::Lte) if !is_one_number(values) => {
            let message = format!("`{name}` takes one whole number");
            findings.push(object.refused(RULE, mark, message, "write `values: [\"8\"]`"));
        }
        Ok(_) => {}
    }
    findings.extend(min_values(object, item, &name, values));
    findings
}

fn min_values(object: &Object<'_>, item: &Node, operator: &str, values: &[Node]) -> Option<Finding> {
    let node = item.get("minValues")?;
    let count = node.whole().filter(|count| (1..=MIN_VALUES_MAX).contains(count));
    let message = match count {
        None => format!("`minValues` is {}", node.describe()),
        Some(count) if operator == "In" && (values.len() as u64) < count => {
            format!("`minValues` wants {count} values, and only {} are named", values.len())
        }
        Some(_) => return None,
    };
    let fix = format!("write a number from 1 to {MIN_VALUES_MAX}, at most as many as values are named");
    Some(object.refused(RULE, node.mark, message, fix))
}

fn is_one_number(values: &[Node]) -> bool {
    matches!(values, [one] if one.scalar().is_some_and(|text| text.parse::<u64>().is_ok()))
}
