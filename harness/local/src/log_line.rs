//! Lines of components' logs, shortened to what they say.

use serde_json::Value;

/// Returns the message of a log line and its error, without time, level and place: of klog's lines and of JSON as zap writes it. A line of another
/// form is returned as it is.
pub(crate) fn message_of(line: &str) -> String {
    let line = line.trim();
    of_json(line).or_else(|| of_cut_json(line)).or_else(|| of_klog(line)).unwrap_or_else(|| line.to_owned())
}

/// `{"level":"error","msg":"...","error":"..."}`; Karpenter writes `message` for `msg`.
fn of_json(line: &str) -> Option<String> {
    let Value::Object(fields) = serde_json::from_str(line).ok()? else { return None };
    let text = |keys: [&str; 2]| keys.iter().find_map(|key| fields.get(*key)?.as_str());
    let message = text(["msg", "message"])?;
    Some(with_error(message, text(["error", "err"])))
}

/// The same of a line whose end is missing: the disk was full.
fn of_cut_json(line: &str) -> Option<String> {
    let text = |key: &str| {
        let (_, value) = line.split_once(&format!("\"{key}\":"))?;
        quoted(value).map(|(text, _)| text)
    };
    let message = line.starts_with('{').then(|| text("msg").or_else(|| text("message")))??;
    Some(with_error(&message, text("error").or_else(|| text("err")).as_deref()))
}

/// `E1129 12:00:00.000000   12345 file.go:123] "message" err="..." key="value"`, or text after the bracket (k8s.io/klog).
fn of_klog(line: &str) -> Option<String> {
    let (head, rest) = line.split_once("] ")?;
    let mut chars = head.chars();
    let is_klog = chars.next().is_some_and(|level| "IWEF".contains(level))
        && chars.by_ref().take(4).filter(char::is_ascii_digit).count() == 4;
    if !is_klog {
        return None;
    }
    let Some((message, fields)) = quoted(rest) else { return Some(rest.to_owned()) };
    let error = fields.split_once("err=").and_then(|(_, value)| quoted(value));
    Some(with_error(&message, error.as_ref().map(|(error, _)| error.as_str())))
}

/// The text in quotation marks at the start, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let value = text.starts_with('"').then(|| values.next())??.ok()?;
    Some((value, text.get(values.byte_offset()..).unwrap_or_default()))
}

fn with_error(message: &str, error: Option<&str>) -> String {
    match error.filter(|error| !error.is_empty()) {
        Some(error) => format!("{message}: {error}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shortened_to_its_message() {
        let cases = [
            (
                r#"E1129 12:00:00.000123   12345 run.go:72] "command failed" err="listen tcp 127.0.0.1:6443: bind: address already in use""#,
                "command failed: listen tcp 127.0.0.1:6443: bind: address already in use",
            ),
            (r#"I1129 12:00:00.000123       1 a.go:1] "say \"hi\"" pod="x""#, r#"say "hi""#),
            ("W1129 12:00:00.000123       1 logging.go:55] connection refused", "connection refused"),
            (
                r#"{"level":"fatal","ts":"2026","caller":"a.go:1","msg":"discovery failed","error":"no such file"}"#,
                "discovery failed: no such file",
            ),
            (r#"{"level":"ERROR","logger":"controller","message":"Reconciler error","error":""}"#, "Reconciler error"),
            // Before, such a line was shown as it is: a full disk had cut it.
            (
                r#"{"level":"fatal","msg":"failed to commit tx","error":"write db: no space left on device","stacktrace":"go.etcd.io/etcd/serv"#,
                "failed to commit tx: write db: no space left on device",
            ),
            (r#"{"level":"fatal","msg":"failed to com"#, r#"{"level":"fatal","msg":"failed to com"#),
            ("panic: runtime error: index out of range", "panic: runtime error: index out of range"),
            ("[1] not klog", "[1] not klog"),
            (r#"{"level":"info"}"#, r#"{"level":"info"}"#),
        ];
        for (line, message) in cases {
            assert_eq!(message_of(line), message);
        }
    }
}
