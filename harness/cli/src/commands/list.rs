//! `harness list`.

use harness_scenario::builtin_scenarios;
use harness_scenario::plan::Profile;
use serde::Serialize;

use crate::args::List;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, PASS};
use crate::source;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    question: String,
    needs: Vec<&'static str>,
    /// The most that the default profile takes, bring-up and cleanup not counted.
    at_most: String,
}

pub(crate) fn list(_: &List, console: &Console) -> Result<Exit, CliError> {
    let rows = builtin_scenarios()
        .iter()
        .map(|builtin| {
            let scenario = source::scenario(builtin.name)?;
            let needs = scenario.needs().into_iter().map(|capability| capability.as_str()).collect();
            Ok(Row {
                name: builtin.name.to_owned(),
                question: scenario.question().to_owned(),
                needs,
                at_most: scenario.duration_at_most(Profile::Default).to_string(),
            })
        })
        .collect::<Result<Vec<Row>, CliError>>()?;
    if console.json() {
        console.json_data(&rows)?;
    } else {
        let text = rows.iter().map(|row| {
            format!(
                "{}\n    {}\n    needs {}; at most {}",
                row.name,
                row.question.trim(),
                row.needs.join(", "),
                row.at_most
            )
        });
        console.data(&text.collect::<Vec<_>>().join("\n"))?;
    }
    Ok(PASS)
}
