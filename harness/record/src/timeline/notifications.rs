//! Notifications that came to the run's webhook.

use crate::event::Notification;

/// Each with the moment at which it came, microseconds since the run began, in the order of the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notifications {
    pub(crate) all: Vec<(u64, Notification)>,
}

impl Notifications {
    pub(crate) fn apply(&mut self, at_us: u64, notification: &Notification) {
        self.all.push((at_us, notification.clone()));
    }
}
