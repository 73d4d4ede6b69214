//! `index.html`: one self-contained page that looks like a run's report. No script, no network.

use askama::Template;
use harness_record::text::usd;

use super::repeated::{RepeatedScenario, repeated};
use super::rows::{Head, Row, about, rows, totals};
use crate::html::{Tile, icon};
use crate::outcome;
use crate::several::SuiteEntry;
use crate::text;

#[derive(Template)]
#[template(path = "index.html")]
struct Page<'a> {
    head: &'a Head,
    word: &'static str,
    tone: &'static str,
    sign: &'static str,
    icon: &'static str,
    described: String,
    about: String,
    tiles: Vec<Tile>,
    ran: Vec<Row<'a>>,
    not_run: Vec<Row<'a>>,
    repeated: Vec<RepeatedScenario>,
}

/// The page as text, UTF-8. Every text from the runs is escaped; the page's own policy forbids scripts and requests.
///
/// # Errors
///
/// Only where the template itself cannot be rendered, which no content of a run causes.
pub fn render(head: &Head, all: &[SuiteEntry<'_>]) -> Result<String, askama::Error> {
    let totals = totals(all);
    let tone = totals.tone(head);
    let (ran, not_run): (Vec<_>, Vec<_>) = rows(all).into_iter().partition(|row| row.ran);
    let tile = |label, value, detail: &str| Tile { label, value, detail: detail.to_owned() };
    let count = |count: usize| text::count(count as u64);
    let ready = format!(
        "{} and {} were Ready",
        text::counted(totals.pods_ready, "pod"),
        text::counted(totals.nodes_ready, "node")
    );
    let mut tiles = vec![
        tile("Passed", count(totals.passed), "every expectation held"),
        tile("Failed", count(totals.failed), "an expectation or the run itself"),
        tile("Inconclusive", count(totals.inconclusive), "not enough evidence"),
        tile("Not run", count(totals.not_run), "listed with why"),
        tile("Took", text::duration(head.took_us), &ready),
    ];
    if totals.counter_cases > 0 {
        tiles.push(tile("Counter-cases", count(totals.counter_cases), "broken on purpose, and failed as expected"));
    }
    if totals.flaky > 0 {
        tiles.push(tile("Flaky", count(totals.flaky), "passed at the second attempt only"));
    }
    if let Some(micro_usd) = totals.micro_usd {
        tiles.push(tile("VMs cost", usd(micro_usd), "by the prices in the logs"));
    }
    let page = Page {
        head,
        word: totals.word(head),
        tone: tone.as_str(),
        sign: outcome::sign(tone),
        icon: icon(tone),
        described: totals.described(),
        about: about(head),
        tiles,
        ran,
        not_run,
        repeated: repeated(all),
    };
    page.render()
}
