//! Ctrl-C: the first asks a run to stop, clean up and report; the second gives up the cleanup, and so does the end of `--grace`.

use std::time::Duration;

use harness_suite::Interrupts;
use tokio::signal::unix::{SignalKind, signal};

use crate::console::Console;

/// The part of `--grace` that is kept for what follows a cleanup: what is left is looked for, a cluster is stopped, reports are written. Of a short
/// one it is half.
const AFTER_CLEANUP: Duration = Duration::from_secs(6);

/// How long the cleanup may take, so that everything ends within `grace`.
fn cleanup_limit(grace: Duration) -> Duration {
    grace.saturating_sub(AFTER_CLEANUP.min(grace / 2))
}

/// Listens for SIGINT, SIGTERM and SIGHUP from now on.
pub(crate) fn listen(grace: Option<Duration>, console: &Console) -> std::io::Result<Interrupts> {
    let interrupts = Interrupts::default();
    let (mut int, mut term, mut hup) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let (requests, console) = (interrupts.clone(), *console);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
                _ = hup.recv() => {}
            }
            if requests.interrupt.is_cancelled() {
                console.say("interrupted again: giving up the cleanup; what is left behind is named");
                requests.abandon.cancel();
                continue;
            }
            requests.interrupt.cancel();
            let Some(limit) = grace.map(cleanup_limit) else {
                console.say("interrupted: cleaning up and writing reports (interrupt again to give that up)");
                continue;
            };
            console.say(&format!(
                "interrupted: cleaning up for at most {:.0} s, then writing reports",
                limit.as_secs_f64()
            ));
            let abandon = requests.abandon.clone();
            tokio::spawn(async move {
                tokio::time::sleep(limit).await;
                abandon.cancel();
            });
        }
    });
    Ok(interrupts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(10, 5)]
    #[case(30, 24)]
    #[case(2, 1)]
    fn a_part_of_the_grace_is_kept_for_the_reports(#[case] grace: u64, #[case] cleanup: u64) {
        assert_eq!(cleanup_limit(Duration::from_secs(grace)), Duration::from_secs(cleanup));
    }
}
