//! Mail that nobody waits for: each is a task under a supervisor, which lets it finish when the service stops.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use otp::{Name, TaskSupervisor};
use serde::Serialize;

/// Above the mails that are on their way.
pub(crate) const MAIL: Name<TaskSupervisor> = Name::new("mail");

/// How many of them there may be.
pub(crate) const MAX_MAILS: usize = 1000;

/// How many the outbox remembers.
const REMEMBERED: usize = 100;

/// How long a mail server takes.
const EFFORT: Duration = Duration::from_millis(100);

/// A message to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) text: String,
}

/// What was sent, the newest last. It stands in the place of a mail server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox(Arc<Mutex<VecDeque<Mail>>>);

impl Outbox {
    /// Takes its time.
    pub(crate) async fn deliver(self, mail: Mail) {
        tokio::time::sleep(EFFORT).await;
        tracing::info!(to = mail.to, "a mail was sent");
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() == REMEMBERED {
            sent.pop_front();
        }
        sent.push_back(mail);
    }

    pub(crate) fn sent(&self) -> Vec<Mail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[otp::test(start_paused = true)]
    async fn an_outbox_remembers_the_last_hundred() {
        let outbox = Outbox::default();
        for n in 0..=REMEMBERED {
            outbox.clone().deliver(Mail { to: n.to_string(), text: String::new() }).await;
        }
        let sent = outbox.sent();
        assert_eq!((sent.len(), sent[0].to.as_str()), (REMEMBERED, "1"));
    }
}
