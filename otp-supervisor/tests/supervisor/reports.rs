//! What a supervisor tells the log.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use otp_core::ExitReason;
use otp_supervisor::{Restart, Shutdown, Supervisor};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::support::{Does, World, counts, crash, end, pid_of, reason_of, start};

/// The events of supervisors, a line each.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    fn capture() -> (Self, tracing::subscriber::DefaultGuard) {
        let events = Self::default();
        let guard = tracing::subscriber::set_default(Registry::default().with(events.clone()));
        (events, guard)
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

impl<S: tracing::Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Line(String);
        impl tracing::field::Visit for Line {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
                if !["supervisor", "pid"].contains(&field.name()) {
                    self.0.push_str(&format!(" {}={value:?}", field.name()));
                }
            }
        }
        if event.metadata().target() == "otp::supervisor" {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            self.0.lock().expect("no panic").push(line.0);
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn the_life_of_a_child_is_told_with_its_reason_and_the_count_of_restarts() {
    let (events, _guard) = Events::capture();
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    assert_eq!(events.take(), ["DEBUG message=child started child=a"]);
    end(pid_of(&supervisor, "a").await, crash()).await;
    counts(&supervisor).await;
    end(pid_of(&supervisor, "a").await, ExitReason::Normal).await;
    counts(&supervisor).await;
    assert_eq!(
        events.take(),
        [
            "ERROR message=child terminated child=a reason=crash restarts=1",
            "DEBUG message=child started child=a",
            "INFO message=child terminated child=a reason=normal restarts=2",
            "DEBUG message=child started child=a",
        ]
    );
}

#[otp_core::test(start_paused = true)]
async fn failed_starts_and_the_end_of_patience_are_told() {
    let (events, _guard) = Events::capture();
    let world = World::default();
    let spec = Supervisor::one_for_one().intensity(1, Duration::from_secs(1)).child(world.child("a"));
    let supervisor = start(spec).await;
    world.plan("a", [Does::Fail("no disk")]);
    let a = pid_of(&supervisor, "a").await;
    events.take();
    tokio::join!(reason_of(supervisor.pid()), end(a, crash()));
    assert_eq!(
        events.take(),
        [
            "ERROR message=child terminated child=a reason=crash restarts=1",
            "ERROR message=child did not start child=a reason=init failed: no disk",
            "ERROR message=reached maximum restart intensity child=a",
        ]
    );
}

#[otp_core::test(start_paused = true)]
async fn sup_062_a_child_that_ends_otherwise_than_told_is_reported() {
    let (events, _guard) = Events::capture();
    let world = World::default();
    let late = world.stubborn("late").shutdown(Shutdown::Timeout(Duration::from_secs(1)));
    let killed = world.child("killed").shutdown(Shutdown::BrutalKill).restart(Restart::Transient);
    let supervisor = start(Supervisor::one_for_one().child(world.child("a")).child(killed).child(late)).await;
    events.take();
    supervisor.stop().await.expect("it runs");
    assert_eq!(events.take(), ["ERROR message=child shut down with an error child=late reason=killed"]);
}
