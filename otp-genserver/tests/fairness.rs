//! What a flooded server does to the others, in real time: figures, printed. Only where `OTP_CHECK_FIGURES` is set, as
//! `cargo xtask ci --full` does, are they compared with what we promise: on a busy machine they say little.
//!
//! A binary of its own, with one test: nothing else is to run meanwhile.

#![cfg(feature = "macros")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use otp_genserver::{Context, ExitReason, GenServer, InitError, ReplyTo, ServerRef};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep_until};

/// On one worker, a timer of another process is no later than this while a server is flooded.
const LATEST: Duration = Duration::from_millis(20);

/// How long each part measures.
const TIME: Duration = Duration::from_millis(500);

/// Handles whatever it gets at once.
struct Busy;

impl GenServer for Busy {
    type Args = ();
    type Call = ReplyTo<()>;
    type Cast = u64;
    type Info = ();
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self)
    }

    async fn handle_call(&mut self, reply: ReplyTo<()>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        reply.send(());
        Ok(())
    }

    async fn handle_cast(&mut self, n: u64, _: &mut Context<Self>) -> Result<(), ExitReason> {
        std::hint::black_box(n);
        Ok(())
    }
}

/// Casts to the server from a thread of its own, until dropped. Its queue is never empty, nor above `WAITING`.
struct Flood {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<u64>>,
}

const WAITING: usize = 10_000;

impl Flood {
    fn start(server: ServerRef<Busy>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut casts = 0;
            while !stopped.load(Ordering::Relaxed) {
                let waiting = otp_genserver::process::info(server.pid()).map_or(0, |info| info.mailbox_len);
                for _ in waiting..WAITING {
                    server.cast(casts);
                    casts += 1;
                }
            }
            casts
        });
        Self { stop, thread: Some(thread) }
    }

    /// Ends it, and says how many casts there were.
    fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("it ends once").join().expect("no panic")
    }
}

/// How late timers of 1 ms are in another process; sorted.
async fn lateness_of_timers() -> Vec<Duration> {
    let (send, lateness) = tokio::sync::oneshot::channel();
    otp_core::spawn(|_: otp_core::Mailbox<()>| async {
        let mut all = Vec::new();
        let end = Instant::now() + TIME;
        while Instant::now() < end {
            let due = Instant::now() + Duration::from_millis(1);
            sleep_until(due).await;
            all.push(due.elapsed());
        }
        send.send(all).ok();
    });
    let mut all = lateness.await.expect("it sends them");
    all.sort_unstable();
    all
}

/// How long calls take; sorted.
async fn times_of_calls(server: &ServerRef<Busy>) -> Vec<Duration> {
    let mut all = Vec::new();
    let end = Instant::now() + TIME;
    while Instant::now() < end {
        let start = Instant::now();
        server.call(|reply| reply).await.expect("it answers");
        all.push(start.elapsed());
    }
    all.sort_unstable();
    all
}

fn line(what: &str, sorted: &[Duration]) {
    let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
    let (median, p99, last) = (at(50), at(99), at(100));
    println!("{what}: median {median:?}, p99 {p99:?}, longest {last:?} ({} of them)", sorted.len());
}

#[test]
fn a_flooded_server_lets_others_run() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let server = Busy::start(()).await.expect("it starts");
        line("a timer, idle: late by", &lateness_of_timers().await);
        line("a call, idle: takes", &times_of_calls(&server).await);

        let flood = Flood::start(server.clone());
        let late = lateness_of_timers().await;
        let casts = flood.end();
        line("a timer, another server flooded: late by", &late);
        println!("  with {casts} casts handled in {TIME:?}");
        let longest = *late.last().expect("timers fired");

        let flood = Flood::start(server.clone());
        line("a call to the flooded server: takes", &times_of_calls(&server).await);
        println!("  with {} casts", flood.end());

        if std::env::var_os("OTP_CHECK_FIGURES").is_some() {
            assert!(late.len() > 10, "timers hardly fired: {}", late.len());
            assert!(longest < LATEST, "a timer was late by {longest:?}");
        }
    });
}
