//! Ctrl-C: the first asks a run to stop, clean up and report; the second gives up the cleanup.

use harness_suite::Interrupts;
use tokio::signal::unix::{SignalKind, signal};

use crate::console::Console;

/// Listens for SIGINT, SIGTERM and SIGHUP from now on.
pub(crate) fn listen(console: &Console) -> std::io::Result<Interrupts> {
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
                console.say("interrupted again: giving up the cleanup");
                requests.abandon.cancel();
            } else {
                console.say("interrupted: cleaning up and writing reports (interrupt again to give that up)");
                requests.interrupt.cancel();
            }
        }
    });
    Ok(interrupts)
}
