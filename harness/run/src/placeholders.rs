//! What stands in a tree for things that are known only when it is pushed: `{cron+1m}`, `{webhook}`, `{registry}`.

use harness_tree::SourceFile;
use jiff::Timestamp;

use crate::cron::fill_schedules;

const WEBHOOK: &str = "{webhook}";
const REGISTRY: &str = "{registry}";

/// What placeholders become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placeholders {
    /// The address at which the run listens for notifications, without a closing `/`; `None` where it does not.
    pub webhook: Option<String>,
    /// The run's own part of the target's image registry, `127.0.0.1:PORT/NAME`; `None` where there is no registry.
    pub registry: Option<String>,
}

impl Placeholders {
    /// Values that are well formed and mean nothing: for a tree that is read to plan with it.
    pub fn for_a_plan() -> Self {
        Self { webhook: Some("http://127.0.0.1:1".to_owned()), registry: Some("127.0.0.1:1".to_owned()) }
    }

    /// The files with every placeholder filled in. Times count from `now`.
    ///
    /// # Errors
    /// In words, with the file: what stands between the braces is no time, or there is nothing that it could become.
    pub fn fill(&self, mut files: Vec<SourceFile>, now: Timestamp) -> Result<Vec<SourceFile>, String> {
        for file in &mut files {
            file.text = self.fill_text(&file.text, now).map_err(|error| format!("{}: {error}", file.path))?;
        }
        Ok(files)
    }

    fn fill_text(&self, text: &str, now: Timestamp) -> Result<String, String> {
        let mut text = fill_schedules(text, now)?;
        for (placeholder, value, advice) in [
            (WEBHOOK, &self.webhook, "nobody listens for notifications; give the scenario `webhook: {}`"),
            (
                REGISTRY,
                &self.registry,
                "this target has no image registry; give the scenario `needs: [image-registry]`",
            ),
        ] {
            if text.contains(placeholder) {
                let value = value.as_ref().ok_or_else(|| format!("`{placeholder}` stands for nothing: {advice}"))?;
                text = text.replace(placeholder, value);
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled_and_other_braces_stay() {
        let files = vec![
            SourceFile::new("a.yaml", "address: \"{webhook}/errors\"\nschedule: \"{cron+5m}\""),
            SourceFile::new("b.yaml", "image: {registry}/demo:1.0.0 # {\"$imagepolicy\": \"flux-system:demo\"}"),
        ];
        let placeholders =
            Placeholders { webhook: Some("http://127.0.0.1:7".to_owned()), registry: Some("127.0.0.1:5".to_owned()) };
        let filled = placeholders.fill(files, "2026-03-01T10:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(filled[0].text, "address: \"http://127.0.0.1:7/errors\"\nschedule: \"5 10 * * *\"");
        assert_eq!(filled[1].text, "image: 127.0.0.1:5/demo:1.0.0 # {\"$imagepolicy\": \"flux-system:demo\"}");
    }

    #[test]
    fn what_cannot_be_filled_names_its_file_and_what_to_do() {
        for (text, part) in [("{webhook}", "webhook: {}"), ("{registry}", "image-registry"), ("{cron+x}", "no")] {
            let files = vec![SourceFile::new("b.yaml", text)];
            let error = Placeholders::default().fill(files, Timestamp::UNIX_EPOCH).unwrap_err();
            assert!(error.starts_with("b.yaml: ") && error.contains(part), "{error}");
        }
    }
}
