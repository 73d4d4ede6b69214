//! `report.html`: one self-contained page. No script, no network: styles and pictures are in it.

mod charts;
mod latencies;
mod page;
mod rows;
mod timelines;

pub(crate) use page::icon;
pub(crate) use rows::Tile;

use harness_plan::Plan;
use harness_record::RunResult;

/// The page as text, UTF-8. Every text from the run is escaped; the page's own policy forbids scripts and requests.
///
/// # Errors
///
/// Only where the template itself cannot be rendered, which no content of a run causes.
pub fn render(plan: &Plan, result: &RunResult) -> Result<String, askama::Error> {
    askama::Template::render(&page::Page::new(plan, result))
}
