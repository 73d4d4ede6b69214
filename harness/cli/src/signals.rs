//! Ctrl-C: the first asks a run to stop, clean up and report; the second gives up the cleanup, and so does the end of `--grace`. What follows has
//! a limit of its own.

use std::time::Duration;

use harness_suite::Interrupts;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::console::Console;

/// The part of `--grace` that is kept for what follows a cleanup: what is left is looked for, a cluster is stopped, reports are written. Of a short
/// one it is half.
const AFTER_CLEANUP: Duration = Duration::from_secs(6);
/// The part of it that is kept for the reports, during which nothing is waited for. Of a short one it is half.
const REPORTS: Duration = Duration::from_secs(1);
/// How long what follows a cleanup may take before the reports.
const LAST_STEPS: Duration = Duration::from_secs(4);

/// How long the cleanup may take, so that everything ends within `grace`.
fn cleanup_limit(grace: Duration) -> Duration {
    grace.saturating_sub(AFTER_CLEANUP.min(grace / 2))
}

/// How long anything but the reports may take, so that everything ends within `grace`.
fn leave_limit(grace: Duration) -> Duration {
    grace.saturating_sub(REPORTS.min(grace / 2))
}

/// SIGINT, SIGTERM and SIGHUP, from now on.
pub(crate) struct Signals {
    int: Signal,
    term: Signal,
    hup: Signal,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            int: signal(SignalKind::interrupt())?,
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.int.recv() => {}
            _ = self.term.recv() => {}
            _ = self.hup.recv() => {}
        }
    }
}

/// Listens for signals, and asks for what each means to a run.
pub(crate) fn listen(grace: Option<Duration>, console: &Console) -> std::io::Result<Interrupts> {
    let interrupts = Interrupts::default();
    let mut received = Signals::listen()?;
    let (sender, signals) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            received.next().await;
            // After the last request there is nothing more to ask for.
            let _ = sender.send(());
        }
    });
    let console = *console;
    tokio::spawn(escalate(signals, grace, interrupts.clone(), move |text| console.say(text)));
    Ok(interrupts)
}

/// Makes one request after another: at each signal, and without one when the time for what was asked before is over.
async fn escalate(
    mut signals: mpsc::UnboundedReceiver<()>,
    grace: Option<Duration>,
    interrupts: Interrupts,
    say: impl Fn(&str),
) {
    if signals.recv().await.is_none() {
        return;
    }
    let first = Instant::now();
    interrupts.interrupt.cancel();
    match grace.map(cleanup_limit) {
        Some(limit) => {
            say(&format!("interrupted: cleaning up for at most {:.0} s, then writing reports", limit.as_secs_f64()));
        }
        None => say("interrupted: cleaning up and writing reports (interrupt again to give that up)"),
    }
    tokio::select! {
        _ = signals.recv() => say("interrupted again: giving up the cleanup; what is left behind is named"),
        () = until(grace.map(|grace| first + cleanup_limit(grace))) => {}
    }
    interrupts.abandon.cancel();
    let last = Instant::now() + LAST_STEPS;
    let last = grace.map_or(last, |grace| last.min(first + leave_limit(grace)));
    tokio::select! {
        _ = signals.recv() => say("interrupted again: writing reports"),
        () = sleep_until(last) => {}
    }
    interrupts.leave.cancel();
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// When each request is made, in tenths of a second after the first signal, where further signals arrive at `signals`.
    async fn requested_ds(grace_s: Option<u64>, signals: &[u64]) -> (u128, u128) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let interrupts = Interrupts::default();
        let grace = grace_s.map(Duration::from_secs);
        tokio::spawn(escalate(receiver, grace, interrupts.clone(), |_| {}));
        sender.send(()).unwrap();
        interrupts.interrupt.cancelled().await;
        let first = Instant::now();
        for at_s in signals {
            let (sender, at) = (sender.clone(), first + Duration::from_secs(*at_s));
            tokio::spawn(async move {
                sleep_until(at).await;
                let _ = sender.send(());
            });
        }
        interrupts.abandon.cancelled().await;
        let abandoned = first.elapsed();
        interrupts.leave.cancelled().await;
        (abandoned.as_millis() / 100, first.elapsed().as_millis() / 100)
    }

    /// Before, nothing limited what followed the cleanup: `--grace 10s` could take half a minute.
    #[rstest]
    #[case::of_a_pipeline(Some(10), &[], (50, 90))]
    #[case::long(Some(30), &[], (240, 280))]
    #[case::short(Some(2), &[], (10, 10))]
    #[case::a_second_signal(None, &[100], (1000, 1040))]
    #[case::a_second_signal_within_the_grace(Some(30), &[3], (30, 70))]
    #[case::a_second_signal_just_before_the_end(Some(10), &[4], (40, 80))]
    #[case::a_third_signal(None, &[100, 101], (1000, 1010))]
    #[tokio::test(start_paused = true)]
    async fn everything_ends_within_the_grace(
        #[case] grace_s: Option<u64>,
        #[case] signals: &[u64],
        #[case] expected_ds: (u128, u128),
    ) {
        assert_eq!(requested_ds(grace_s, signals).await, expected_ds);
    }
}
