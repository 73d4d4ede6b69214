//! Placeholders in a tree, for values that are known only when it is pushed: `{cron+1m}`, `{webhook}`, `{registry}`,
//! `{subnets}`.

use crate::source_file::SourceFile;
use harness_units::Span;
use jiff::Timestamp;
use jiff::tz::TimeZone;

const CRON: &str = "{cron";
const WEBHOOK: &str = "{webhook}";
const REGISTRY: &str = "{registry}";
const SUBNETS: &str = "{subnets}";

/// The values of placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placeholders {
    /// The address at which the run listens for notifications, without a closing `/`; `None` where it does not.
    pub webhook: Option<String>,
    /// The run's own part of the target's image registry, `127.0.0.1:PORT/NAME`; `None` where there is no registry.
    pub registry: Option<String>,
    /// What the ids of the subnets of the nodes' virtual network begin with, without the last `/`; `None` where Azure is not simulated.
    pub subnets: Option<String>,
}

/// A placeholder cannot be filled in.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {source}")]
pub struct PlaceholderError {
    file: String,
    source: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("`{0}` is not a time: write {{cron+1m}} or {{cron-2m}}, with the time from the push")]
    NotATime(String),
    #[error("`{WEBHOOK}` stands for nothing: nobody listens for notifications; give the scenario `webhook: {{}}`")]
    NoWebhook,
    #[error(
        "`{REGISTRY}` stands for nothing: this target has no image registry; give the scenario `needs: [image-registry]`"
    )]
    NoRegistry,
    #[error(
        "`{SUBNETS}` stands for nothing: this target's Azure is not simulated; write the id of a subnet of your own"
    )]
    NoSubnets,
}

impl Placeholders {
    /// Returns the files with values that are well formed and mean nothing: for a tree that is read to plan with it. They are always the
    /// same, since a plan knows neither clock nor target. What is pushed gets the values of the run.
    ///
    /// # Errors
    /// Those of [`Placeholders::fill`].
    pub fn fill_for_a_plan(files: Vec<SourceFile>) -> Result<Vec<SourceFile>, PlaceholderError> {
        let placeholders = Self {
            webhook: Some("http://127.0.0.1:1".to_owned()),
            registry: Some("127.0.0.1:1".to_owned()),
            subnets: Some(
                "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/V/subnets".to_owned(),
            ),
        };
        placeholders.fill(files, Timestamp::UNIX_EPOCH)
    }

    /// Returns the files with every placeholder filled in. Times count from `now`.
    ///
    /// # Errors
    /// A placeholder is not a time, or there is nothing that it could become.
    pub fn fill(&self, mut files: Vec<SourceFile>, now: Timestamp) -> Result<Vec<SourceFile>, PlaceholderError> {
        for file in &mut files {
            let filled = self.fill_text(&file.text, now);
            file.text = filled.map_err(|source| PlaceholderError { file: file.path.clone(), source })?;
        }
        Ok(files)
    }

    fn fill_text(&self, text: &str, now: Timestamp) -> Result<String, Reason> {
        let mut text = fill_schedules(text, now)?;
        for (placeholder, value, missing) in [
            (WEBHOOK, &self.webhook, Reason::NoWebhook),
            (REGISTRY, &self.registry, Reason::NoRegistry),
            (SUBNETS, &self.subnets, Reason::NoSubnets),
        ] {
            if text.contains(placeholder) {
                text = text.replace(placeholder, value.as_ref().ok_or(missing)?);
            }
        }
        Ok(text)
    }
}

/// Replaces each `{cron+1m}` and `{cron-2m}` by the cron expression `M H * * *` of that minute, in UTC as Karpenter reads the schedules of
/// budgets. Seconds are cut off: the next minute of the clock may start within a second.
fn fill_schedules(text: &str, now: Timestamp) -> Result<String, Reason> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(CRON) {
        let (before, placeholder) = rest.split_at(at);
        filled.push_str(before);
        let not_a_time = |text: &str| Reason::NotATime(text.chars().take(40).collect());
        let end = placeholder.find('}').ok_or_else(|| not_a_time(placeholder))?;
        let (placeholder, after) = placeholder.split_at(end + 1);
        filled.push_str(&schedule(placeholder, now).ok_or_else(|| not_a_time(placeholder))?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn schedule(placeholder: &str, now: Timestamp) -> Option<String> {
    let inner = placeholder.strip_prefix(CRON)?.strip_suffix('}')?;
    let minute = if let Some(later) = inner.strip_prefix('+') {
        now.checked_add(later.parse::<Span>().ok()?.as_duration()).ok()?
    } else {
        now.checked_sub(inner.strip_prefix('-')?.parse::<Span>().ok()?.as_duration()).ok()?
    };
    let minute = minute.to_zoned(TimeZone::UTC);
    Some(format!("{} {} * * *", minute.minute(), minute.hour()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn every_placeholder_is_filled_and_other_braces_stay() {
        let files = vec![
            SourceFile::new("a.yaml", "address: \"{webhook}/errors\"\nschedule: \"{cron+5m}\""),
            SourceFile::new("b.yaml", "image: {registry}/demo:1.0.0 # {\"$imagepolicy\": \"flux-system:demo\"}"),
            SourceFile::new("c.yaml", "vnetSubnetID: \"{subnets}/small\""),
        ];
        let placeholders = Placeholders {
            webhook: Some("http://127.0.0.1:7".to_owned()),
            registry: Some("127.0.0.1:5".to_owned()),
            subnets: Some("/subscriptions/s/subnets".to_owned()),
        };
        let filled = placeholders.fill(files, "2026-03-01T10:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(filled[0].text, "address: \"http://127.0.0.1:7/errors\"\nschedule: \"5 10 * * *\"");
        assert_eq!(filled[2].text, "vnetSubnetID: \"/subscriptions/s/subnets/small\"");
        assert_eq!(filled[1].text, "image: 127.0.0.1:5/demo:1.0.0 # {\"$imagepolicy\": \"flux-system:demo\"}");
    }

    #[test]
    fn what_cannot_be_filled_names_its_file_and_what_to_do() {
        for (text, part) in [
            ("{webhook}", "webhook: {}"),
            ("{registry}", "image-registry"),
            ("{subnets}", "not simulated"),
            ("{cron+x}", "no"),
        ] {
            let files = vec![SourceFile::new("b.yaml", text)];
            let error = Placeholders::default().fill(files, Timestamp::UNIX_EPOCH).unwrap_err().to_string();
            assert!(error.starts_with("b.yaml: ") && error.contains(part), "{error}");
        }
    }

    #[rstest]
    #[case("schedule: \"{cron+1m}\"", "schedule: \"0 0 * * *\"")]
    #[case("{cron-1h30m} and {cron+0s}", "29 22 * * * and 59 23 * * *")]
    #[case("nothing {here} to fill", "nothing {here} to fill")]
    fn a_placeholder_becomes_its_minute(#[case] text: &str, #[case] expected: &str) {
        let now = "2026-03-01T23:59:59Z".parse().unwrap();
        assert_eq!(fill_schedules(text, now).unwrap(), expected);
    }

    #[rstest]
    #[case("{cron}")]
    #[case("{cron+soon}")]
    #[case("{cron+1m")]
    #[case("{cronx+1m}")]
    fn a_placeholder_that_is_not_a_time_is_refused(#[case] text: &str) {
        assert!(fill_schedules(text, Timestamp::UNIX_EPOCH).unwrap_err().to_string().contains("is not a time"));
    }
}
