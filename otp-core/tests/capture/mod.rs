//! A `tracing` subscriber that keeps the events of processes, for the test programs that look at them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The fields of an event, as text.
pub(crate) type Fields = BTreeMap<String, String>;

/// Keeps the events of one level.
#[derive(Clone)]
pub(crate) struct Capture {
    level: Level,
    events: Arc<Mutex<Vec<Fields>>>,
}

impl Capture {
    pub(crate) fn new(level: Level) -> Self {
        Self { level, events: Arc::default() }
    }

    /// What it has kept so far.
    pub(crate) fn events(&self) -> Vec<Fields> {
        self.events.lock().expect("no panic while collecting").clone()
    }
}

struct Collect<'a>(&'a mut Fields);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "otp::process" && *metadata.level() == self.level
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Collect(&mut fields));
        self.events.lock().expect("no panic while collecting").push(fields);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
