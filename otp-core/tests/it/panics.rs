//! Panics: each ends its own process, and nothing else.

use std::panic::{catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use otp_core::behaviour::catch;
use otp_core::{ExitReason, Mailbox, Panic, process, send_after, send_interval, spawn, spawn_monitor};

use crate::support::{
    Got, OnDrop, Puppet, because, idle, next, reason_of_end, scenario, settle, wait_for_end,
};

/// What the DOWN of a process with this body says.
async fn panic_of<Fut>(body: impl FnOnce(Mailbox<()>) -> Fut + Send + 'static) -> Arc<Panic>
where
    Fut: Future<Output = ()> + Send + 'static,
{
    scenario(async move |mut mailbox: Mailbox<()>| {
        spawn_monitor(body).expect("in a process");
        match next(&mut mailbox).await {
            Got::Down(_, _, ExitReason::Panic(panic)) => panic,
            other => panic!("instead of a panic: {other:?}"),
        }
    })
    .await
}

#[otp_core::test]
async fn a_panic_says_where_it_was() {
    let line = line!() + 1;
    let panic = panic_of(|_| async { panic!("here") }).await;
    let place = panic.location().expect("known");
    assert!(place.contains(&format!("panics.rs:{line}:")), "{place}");
    assert_eq!(panic.to_string(), format!("panicked: here at {place}"));
}

#[otp_core::test]
async fn panics_are_equal_when_message_and_place_are() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let mut reasons = Vec::new();
        for message in ["a", "a", "b"] {
            spawn_monitor(move |_: Mailbox<()>| async move { panic!("{message}") as () })
                .expect("in a process");
            match next(&mut mailbox).await {
                Got::Down(_, _, reason) => reasons.push(reason),
                other => panic!("instead of a DOWN: {other:?}"),
            }
        }
        let [panic, alike, other] = &reasons[..] else { panic!("three ended") };
        assert_eq!(panic, &panic.clone());
        assert_eq!(panic, alike);
        assert_ne!(panic, other);
        assert_ne!(panic, &because("a"));
    })
    .await;
}

/// The backtrace is as long as the program's environment wants it: asked for in a program of its own.
#[otp_core::test]
async fn a_panic_has_a_backtrace_where_the_environment_asks_for_one() {
    const NAME: &str = "panics::a_panic_has_a_backtrace_where_the_environment_asks_for_one";
    const WANTED: &str = "OTP_TEST_WANTS_A_BACKTRACE";
    let Ok(wanted) = std::env::var(WANTED) else {
        for wanted in ["0", "1"] {
            let this = std::env::current_exe().expect("the test has a path");
            let output = std::process::Command::new(this)
                .args(["--exact", NAME])
                .env("RUST_BACKTRACE", wanted)
                .env_remove("RUST_LIB_BACKTRACE")
                .env(WANTED, wanted)
                .output()
                .expect("it starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
        return;
    };
    let panic = panic_of(|_| async { panic!("here") }).await;
    if wanted == "1" {
        let backtrace = panic.backtrace().expect("it was asked for");
        assert!(backtrace.contains("a_panic_has_a_backtrace"), "{backtrace}");
    } else {
        assert_eq!(panic.backtrace(), None);
    }
}

#[otp_core::test]
async fn a_panic_in_the_call_that_makes_the_body_is_the_processs_own() {
    let panic = panic_of(|_| -> std::future::Ready<()> { panic!("early") }).await;
    assert_eq!(panic.message(), "early");
}

#[otp_core::test]
async fn a_panic_after_an_await_is_caught_too() {
    let panic = panic_of(|_| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let empty: [u8; 0] = [];
        let _ = empty[std::hint::black_box(0)];
    })
    .await;
    assert!(panic.message().contains("index out of bounds"), "{panic}");
}

#[otp_core::test]
async fn a_panic_takes_linked_processes_along_with_the_same_reason() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (a, b) = (Puppet::new(), Puppet::new());
        let pid = b.pid();
        a.run(move || process::link(pid)).await;
        let monitor = process::monitor(pid).expect("in a process");
        assert_eq!(a.run(|| panic!("both")).await, None::<()>);
        match next(&mut mailbox).await {
            Got::Down(found, _, ExitReason::Panic(panic)) => {
                assert_eq!((found, panic.message()), (monitor, "both"));
            }
            other => panic!("instead of a panic: {other:?}"),
        }
    })
    .await;
}

#[otp_core::test]
async fn a_panic_that_was_carried_from_elsewhere_has_no_place_rather_than_a_wrong_one() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let swallows = spawn(|_: Mailbox<()>| async {
            drop(catch_unwind(|| panic!("swallowed")));
        });
        wait_for_end(swallows.pid()).await;
        spawn_monitor(|_: Mailbox<()>| async { resume_unwind(Box::new("carried")) as () })
            .expect("in a process");
        match next(&mut mailbox).await {
            Got::Down(_, _, ExitReason::Panic(panic)) => {
                assert_eq!((panic.message(), panic.location()), ("carried", None));
            }
            other => panic!("instead of a panic: {other:?}"),
        }
    })
    .await;
}

#[otp_core::test]
async fn a_panic_in_the_drop_of_the_state_does_not_stop_the_death() {
    const NAME: &str = "a_panic_in_the_drop_of_the_state_does_not_stop_the_death";
    scenario(async |mut mailbox: Mailbox<()>| {
        let hook_ran = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&hook_ran);
        let process = spawn(|_: Mailbox<OnDrop<_>>| async {
            let _state = OnDrop::new(|| panic!("in the drop of the state"));
            std::future::pending::<()>().await;
        });
        let pid = process.pid();
        process.send(OnDrop::new(|| panic!("in the drop of a message")));
        process::register(NAME, pid).expect("free");
        process::on_exit(pid, move |_, _| flag.store(true, Ordering::SeqCst)).expect("alive");
        settle().await;
        let reason = reason_of_end(&mut mailbox, pid, || process::send_exit(pid, because("r"))).await;
        assert_eq!(reason, because("r"));
        assert!(hook_ran.load(Ordering::SeqCst));
        assert_eq!(process::whereis(NAME), None);
        assert!(!process::list().contains(&pid));
    })
    .await;
}

#[otp_core::test]
async fn a_panic_in_the_drop_of_a_local_of_a_returning_body_is_the_reason() {
    let panic = panic_of(|_| async {
        let _local = OnDrop::new(|| panic!("on the way out"));
    })
    .await;
    assert_eq!(panic.message(), "on the way out");
}

#[otp_core::test]
async fn a_panic_in_an_exit_hook_stops_neither_the_other_hooks_nor_the_death() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let process = idle().pid();
        let second_ran = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&second_ran);
        process::on_exit(process, |_, _| panic!("in the first hook")).expect("alive");
        process::on_exit(process, |_, _| process::exit(because("from a hook"))).expect("alive");
        process::on_exit(process, move |_, _| flag.store(true, Ordering::SeqCst)).expect("alive");
        let end = reason_of_end(&mut mailbox, process, || process::send_exit(process, because("r"))).await;
        assert_eq!(end, because("r"));
        assert!(second_ran.load(Ordering::SeqCst));
    })
    .await;
}

struct Exploding;

impl From<Exploding> for u32 {
    fn from(_: Exploding) -> Self {
        panic!("in the From of a timer's message")
    }
}

#[otp_core::test]
async fn a_panic_in_the_from_of_a_timers_message_hurts_no_other_timer() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let me = mailbox.address();
        let before = send_after(Duration::from_millis(20), me.recipient(), 1_u32);
        send_after(Duration::from_millis(5), me.recipient(), Exploding);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_eq!(before.read(), None);
        send_after(Duration::from_millis(5), me.recipient(), 2_u32);
        assert_eq!(next(&mut mailbox).await, Got::Message(2));
    })
    .await;
}

#[otp_core::test]
async fn a_panic_in_the_message_of_an_interval_skips_that_message_alone() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let count = AtomicBool::new(true);
        let interval = send_interval(Duration::from_millis(5), mailbox.address().recipient(), move || {
            assert!(!count.swap(false, Ordering::SeqCst), "in the first message of an interval");
            7_u32
        });
        assert_eq!(next(&mut mailbox).await, Got::Message(7));
        assert_eq!(next(&mut mailbox).await, Got::Message(7));
        assert!(interval.cancel().is_some());
    })
    .await;
}

#[otp_core::test]
async fn a_panic_in_the_drop_of_a_timers_message_hurts_no_other_timer() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let kept = send_after(Duration::from_millis(20), mailbox.address().recipient(), 1_u32);
        let receiver = spawn(|_: Mailbox<OnDrop<fn()>>| std::future::pending::<()>());
        let to = receiver.recipient();
        process::send_exit(receiver.pid(), ExitReason::Kill);
        wait_for_end(receiver.pid()).await;
        let message = OnDrop::<fn()>::new(|| panic!("in the drop of a timer's message"));
        send_after(Duration::from_millis(5), to, message);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(kept.read().is_some(), "the other timers were lost");
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
    })
    .await;
}

#[otp_core::test]
async fn a_panic_in_the_drop_of_an_interval_hurts_no_other_timer() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let kept = send_after(Duration::from_millis(20), mailbox.address().recipient(), 1_u32);
        let receiver = spawn(|_: Mailbox<()>| std::future::pending::<()>());
        let guard = OnDrop::new(|| panic!("in the drop of what an interval holds"));
        send_interval(Duration::from_millis(5), receiver.recipient(), move || {
            let _held = &guard;
        });
        process::send_exit(receiver.pid(), ExitReason::Kill);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(kept.read().is_some(), "the other timers were lost");
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
    })
    .await;
}

#[otp_core::test]
async fn catch_makes_a_reason_of_a_panic_and_of_exit() {
    scenario(async |_: Mailbox<()>| {
        assert_eq!(catch(|| 5), Ok(5));
        assert_eq!(catch(|| process::exit(because("r"))), Err::<(), _>(because("r")));
        let Err(ExitReason::Panic(panic)) = catch(|| panic!("text")) else { panic!("a panic") };
        let _: &Panic = &panic;
        assert_eq!(panic.message(), "text");
        assert!(panic.location().is_some_and(|place| place.contains("panics.rs")));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panicking_process_leaves_the_runtimes_threads_alive() {
    scenario(async |mut mailbox: Mailbox<()>| {
        for _ in 0..50 {
            spawn_monitor(|_: Mailbox<()>| async {
                // Quiet: fifty backtraces help nobody.
                resume_unwind(Box::new("quiet")) as ()
            })
            .expect("in a process");
        }
        for _ in 0..50 {
            let got = next(&mut mailbox).await;
            assert!(matches!(got, Got::Down(_, _, ExitReason::Panic(_))), "{got:?}");
        }
        let unharmed = idle();
        assert_eq!(
            reason_of_end(&mut mailbox, unharmed.pid(), || process::send_exit(unharmed.pid(), because("r")))
                .await,
            because("r")
        );
    })
    .await;
}
