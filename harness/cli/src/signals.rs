//! Ctrl-C: the first asks a run to stop, clean up and report; the second abandons the cleanup.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::console::Console;

/// The two requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupts {
    /// Stop and clean up.
    pub(crate) interrupt: CancellationToken,
    /// Do not even clean up.
    pub(crate) abandon: CancellationToken,
}

impl Interrupts {
    /// Listens for SIGINT, SIGTERM and SIGHUP from now on.
    pub(crate) fn listen(console: &Console) -> std::io::Result<Self> {
        let interrupts = Self::default();
        let (mut int, mut term, mut hup) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
        let (told, console) = (interrupts.clone(), *console);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                    _ = hup.recv() => {}
                }
                if told.interrupt.is_cancelled() {
                    console.say("interrupted again: giving up the cleanup");
                    told.abandon.cancel();
                } else {
                    console.say("interrupted: cleaning up and writing reports (again to give that up)");
                    told.interrupt.cancel();
                }
            }
        });
        Ok(interrupts)
    }
}
