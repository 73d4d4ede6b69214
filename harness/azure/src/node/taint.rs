//! Taints in the text form of the kubelet, `key=value:Effect`.

use serde_json::{Value, json};

/// A taint as JSON, or `None` when the text is not one.
pub(super) fn parse(text: &str) -> Option<Value> {
    let (rest, effect) = text.rsplit_once(':')?;
    if !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") || rest.is_empty() {
        return None;
    }
    let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
    let mut taint = json!({"key": key, "effect": effect});
    if !value.is_empty() {
        taint["value"] = json!(value);
    }
    Some(taint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_with_and_without_a_value() {
        assert_eq!(
            parse("karpenter.sh/unregistered:NoExecute").unwrap(),
            json!({"key": "karpenter.sh/unregistered", "effect": "NoExecute"})
        );
        assert_eq!(
            parse("dedicated=batch:NoSchedule").unwrap(),
            json!({"key": "dedicated", "value": "batch", "effect": "NoSchedule"})
        );
        assert_eq!(parse("dedicated"), None);
        assert_eq!(parse("a=b:Sometimes"), None);
    }
}
