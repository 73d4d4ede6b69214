//! A scenario file that has been read and checked.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::ScenarioFile;
use crate::parameters::{self, Parameter, Values};
use crate::profiles::{PROFILES, of_profiles};
use crate::rules;
use crate::schema::{self, Use};
use harness_plan::Capability;
use harness_plan::{Group, Profile, TreeEdit};
use harness_units::Span;
use harness_yaml::{self as yaml, Mark, Node};
use harness_yaml::{Diagnostic, in_order};

/// A scenario, read and checked: its values have the types of their places in every profile, and no gate of it is one that
/// cannot fail.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    file: String,
    document: Node,
    parameters: BTreeMap<String, Parameter>,
    uses: Vec<Use>,
    /// With the values of [`Profile::Default`].
    model: ScenarioFile,
}

/// A scenario with the values of one run.
pub(crate) struct Bound {
    /// Without the phases of other profiles.
    pub(crate) file: ScenarioFile,
    pub(crate) profile: Profile,
    pub(crate) values: Values,
}

impl Scenario {
    /// Reads and checks a scenario.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let document = only_document(file, text).map_err(|error| vec![error])?;
        let (mut diagnostics, uses) = schema::check(file, &document);
        let parameters = parameters::read(file, &document, &uses, &mut diagnostics);
        if !diagnostics.is_empty() {
            return Err(in_order(diagnostics));
        }
        let model = read(file, &document, &uses, &parameters::values(&parameters, Profile::Default, &[])?)?;
        let scenario = Self { file: file.to_owned(), document, parameters, uses, model };
        let mut found = Vec::new();
        for profile in PROFILES {
            found.push((profile, scenario.check(&scenario.bind(profile, &[])?)));
        }
        let diagnostics = of_profiles(found);
        if diagnostics.is_empty() { Ok(scenario) } else { Err(diagnostics) }
    }

    /// The file as the caller named it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.model.name
    }

    /// The question that it answers.
    pub fn question(&self) -> &str {
        &self.model.question
    }

    /// What the target must offer.
    pub fn needs(&self) -> Vec<Capability> {
        self.model.needs.iter().map(|need| need.value).collect()
    }

    /// The node configuration that it is written for: `node-config` is the one that comes with the harness.
    pub fn node_config(&self) -> &str {
        &self.model.node_config
    }

    /// What it is about.
    pub fn group(&self) -> Group {
        self.model.group
    }

    /// What it changes in the tree before it is applied.
    pub fn amendments(&self) -> &[TreeEdit] {
        &self.model.amend
    }

    /// Its parameters.
    pub fn parameters(&self) -> &BTreeMap<String, Parameter> {
        &self.parameters
    }

    /// The file's content, typed.
    pub fn model(&self) -> &ScenarioFile {
        &self.model
    }

    /// The most that its phases can take in a profile: the sum of their deadlines. Starting a cluster and cleaning up come on top.
    pub fn duration_at_most(&self, profile: Profile) -> Span {
        self.duration(profile, |scheduled, _| scheduled.length.as_duration())
    }

    /// About how long its phases take in a profile when nothing goes wrong; an estimate for people who choose what to run.
    pub fn duration_expected(&self, profile: Profile) -> Span {
        self.duration(profile, |scheduled, file| rules::expected(scheduled, file.azure.boot.as_ref()))
    }

    fn duration(&self, profile: Profile, of: impl Fn(&rules::PhaseSchedule, &ScenarioFile) -> Duration) -> Span {
        // A profile's own values were checked when the scenario was read.
        let Ok(bound) = self.bind(profile, &[]) else { return Span::ZERO };
        let schedule = rules::Schedule::of(&bound.file);
        let total: Duration = schedule.phases.iter().map(|scheduled| of(scheduled, &bound.file)).sum();
        Duration::from_secs(total.as_secs_f64().round() as u64).into()
    }

    /// The scenario in a profile, with overrides.
    pub(crate) fn bind(&self, profile: Profile, overrides: &[String]) -> Result<Bound, Vec<Diagnostic>> {
        let values = parameters::values(&self.parameters, profile, overrides)?;
        let file = read(&self.file, &self.document, &self.uses, &values)?.in_profile(profile);
        Ok(Bound { file, profile, values })
    }

    /// Applies the rules to the values of one run.
    pub(crate) fn check(&self, bound: &Bound) -> Vec<Diagnostic> {
        rules::check(&rules::Context {
            file: &self.file,
            document: &self.document,
            uses: &self.uses,
            scenario: &bound.file,
        })
    }

    /// The place of the value at the end of a path of keys, or of the last part of the path that is there.
    pub fn place(&self, path: &[&str]) -> Mark {
        let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
        self.document.place(&path)
    }

    /// The place of the whole.
    pub(crate) fn top(&self) -> Mark {
        self.document.mark
    }

    /// The place at the end of a path of keys, from the value that stands at another place: that of the value there, or of the key. Where
    /// the path leads further than the file, it is the place of the last part that is there.
    pub(crate) fn mark_at(&self, value: Mark, path: &[String], is_key: bool) -> Mark {
        let Some(node) = self.document.find(value) else { return value };
        match path.split_last() {
            Some((last, parents)) if is_key => {
                let parent = node.place(parents);
                let entry = node.find(parent).and_then(|parent| parent.entry(last));
                entry.map_or(parent, |entry| entry.key_mark)
            }
            _ => node.place(path),
        }
    }

    /// The value at the end of a path of keys from the value that stands at another place.
    pub(crate) fn node_at(&self, value: Mark, path: &[&str]) -> Option<&Node> {
        self.document.find(value)?.at(path)
    }

    /// The place of the key at the end of a path; the start of the file where there is none.
    pub(crate) fn key_mark(&self, path: &[&str]) -> Mark {
        rules::key_mark(&self.document, path)
    }
}

fn read(file: &str, document: &Node, uses: &[Use], values: &Values) -> Result<ScenarioFile, Vec<Diagnostic>> {
    // The structure check finds what is wrong first; what it does not know is still refused, here.
    harness_yaml::from_node(&parameters::bind(document, uses, values)).map_err(|error| {
        let hint = "`harness schema` prints what each key takes";
        vec![Diagnostic::new(file, error.mark, error.message).with_hint(hint)]
    })
}

fn only_document(file: &str, text: &str) -> Result<Node, Diagnostic> {
    let documents = yaml::documents(text)
        .map_err(|error| Diagnostic::new(file, error.mark, error.message).with_hint(error.hint))?;
    match <[Node; 1]>::try_from(documents) {
        Ok([document]) => Ok(document),
        Err(documents) => Err(match documents.get(1) {
            None => Diagnostic::new(file, Mark::START, "the file is empty")
                .with_hint("start with `apiVersion: harness/v1` and `kind: Scenario`"),
            Some(second) => Diagnostic::new(file, second.mark, "a second document in one file")
                .with_hint("write one scenario a file"),
        }),
    }
}
