//! `harness run`.

use harness_suite::{ExitCode, SingleRun, Suite};
use harness_units::Span;

use super::results;
use crate::args::Run;
use crate::console::Console;
use crate::error::CliError;
use crate::progress::ConsoleProgress;
use crate::signals;

pub(super) async fn run(args: Run, console: &Console) -> Result<ExitCode, CliError> {
    let grace = args.grace.map(Span::as_duration);
    let request = args.request()?;
    let progress = ConsoleProgress::shared(console);
    // Ctrl-C while scenarios are planned ends the process: nothing has been started.
    if let Some(name) = request.single().map(str::to_owned) {
        let run = SingleRun::plan(&name, request, progress.as_ref())?;
        let interrupts = signals::listen(grace, console).map_err(CliError::Signals)?;
        let report = run.run(&interrupts, &progress).await?;
        results::show_run(&report, console)?;
        return Ok(report.exit_code);
    }
    let suite = Suite::plan(request, progress.as_ref())?;
    let interrupts = signals::listen(grace, console).map_err(CliError::Signals)?;
    let report = suite.run(&interrupts, &progress).await?;
    results::show_suite(&report, console)?;
    Ok(report.exit_code)
}
