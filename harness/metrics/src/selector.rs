//! Selectors as they stand in a query: `app=web,tier in (a,b),!legacy`.

use std::collections::BTreeMap;

use kube::core::{Expression, Selector};

/// A selector that cannot be used; the text is returned to the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unable to parse the selector {text:?}: {reason}")]
pub(crate) struct SelectorError {
    text: String,
    reason: String,
}

/// Reads a label selector. Nothing selects everything. `>` and `<`, which no HPA can have, are refused.
pub(crate) fn labels(text: &str) -> Result<Selector, SelectorError> {
    let refused = |reason: String| SelectorError { text: text.to_owned(), reason };
    if text.trim().is_empty() {
        return Ok(Selector::default());
    }
    requirements(text).into_iter().map(|part| requirement(part.trim()).map_err(refused)).collect()
}

/// Reads a field selector over name and namespace; `fields` are the ones that exist.
pub(crate) fn fields(text: &str, fields: &[&str]) -> Result<Selector, SelectorError> {
    let selector = labels(text)?;
    let refused = |reason: String| Err(SelectorError { text: text.to_owned(), reason });
    for expression in selector.clone() {
        match expression {
            Expression::Equal(key, _) | Expression::NotEqual(key, _) if fields.contains(&key.as_str()) => {}
            Expression::Equal(key, _) | Expression::NotEqual(key, _) => {
                return refused(format!("field {key:?} cannot be selected, only {}", fields.join(" and ")));
            }
            other => return refused(format!("{other}: a field selector takes =, == and != only")),
        }
    }
    Ok(selector)
}

/// The fields of an object that a field selector may name.
pub(crate) fn field_values(name: &str, namespace: Option<&str>) -> BTreeMap<String, String> {
    let namespace = namespace.map(|namespace| ("metadata.namespace".to_owned(), namespace.to_owned()));
    std::iter::once(("metadata.name".to_owned(), name.to_owned())).chain(namespace).collect()
}

/// Splits at the commas that are not in parentheses.
fn requirements(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn requirement(part: &str) -> Result<Expression, String> {
    if let Some((head, values)) = part.split_once('(') {
        return set(head.trim(), values, part);
    }
    if part.contains(['<', '>']) {
        return Err(format!("{part:?}: > and < are not supported"));
    }
    if let Some(missing) = part.strip_prefix('!') {
        return Ok(Expression::DoesNotExist(key(missing)?));
    }
    if let Some((name, text)) = part.split_once("!=") {
        return Ok(Expression::NotEqual(key(name)?, value(text)?));
    }
    match part.split_once('=') {
        Some((name, text)) => Ok(Expression::Equal(key(name)?, value(text.strip_prefix('=').unwrap_or(text))?)),
        None => Ok(Expression::Exists(key(part)?)),
    }
}

/// `key in (a,b)` or `key notin (a,b)`.
fn set(head: &str, values: &str, part: &str) -> Result<Expression, String> {
    let Some(inner) = values.trim_end().strip_suffix(')') else {
        return Err(format!("{part:?} has no closing parenthesis at its end"));
    };
    let values = inner.split(',').map(value).collect::<Result<_, _>>()?;
    match head.split_once(char::is_whitespace).map(|(name, operator)| (name, operator.trim())) {
        Some((name, "in")) => Ok(Expression::In(key(name)?, values)),
        Some((name, "notin")) => Ok(Expression::NotIn(key(name)?, values)),
        _ => Err(format!("{part:?}: \"in\" or \"notin\" must stand before the parenthesis")),
    }
}

fn key(text: &str) -> Result<String, String> {
    let text = text.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !text.is_empty() && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not a key of a label"))
    }
}

fn value(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not a value of a label"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::SelectorExt;
    use rstest::rstest;

    #[rstest]
    #[case("", true)]
    #[case("app=web", true)]
    #[case("app==web", true)]
    #[case(" app = web , tier != back ", true)]
    #[case("app=db", false)]
    #[case("app!=web", false)]
    #[case("missing!=web", true)]
    #[case("app in (db, web),tier", true)]
    #[case("app in (db)", false)]
    #[case("app notin (db,cache)", true)]
    #[case("missing notin (db)", true)]
    #[case("!missing", true)]
    #[case("!app", false)]
    #[case("app,missing", false)]
    #[case("harness.dev/workload=web", true)]
    #[case("empty=", true)]
    fn selects(#[case] text: &str, #[case] expected: bool) {
        let labels_of = [("app", "web"), ("tier", "front"), ("harness.dev/workload", "web"), ("empty", "")];
        let on = labels_of.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(labels(text).unwrap().matches(&on), expected);
    }

    #[rstest]
    #[case("a,,b", "is not a key")]
    #[case("=a", "is not a key")]
    #[case("a=b c", "is not a value")]
    #[case("a in (b", "closing parenthesis")]
    #[case("a within (b)", "\"in\" or \"notin\"")]
    #[case("a>1", "not supported")]
    fn refuses_what_it_does_not_understand(#[case] text: &str, #[case] reason: &str) {
        let error = labels(text).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains(&format!("{text:?}")), "{error}");
    }

    #[test]
    fn fields_are_only_those_that_exist() {
        let known = ["metadata.name", "metadata.namespace"];
        let selector = fields("metadata.name=a,metadata.namespace!=b", &known).unwrap();
        assert!(selector.matches(&field_values("a", Some("c"))));
        assert!(!selector.matches(&field_values("a", Some("b"))));
        assert!(fields("spec.nodeName=a", &known).unwrap_err().to_string().contains("only metadata.name"));
        assert!(fields("metadata.name in (a)", &known).is_err());
    }
}
