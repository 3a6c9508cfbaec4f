//! Nothing is left of processes that have ended: not in the process table, the names or the timers, and no memory.
//!
//! A binary of its own, whose tests take turns: the tables and the counters are the whole program's. `OTP_LEAK_PROCESSES` says
//! how many processes each starts; `cargo xtask ci --full` asks for a million.

#![cfg(all(feature = "macros", not(otp_loom)))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use otp_core::behaviour::{Answer, await_end};
use otp_core::{
    ExitReason, Mailbox, Pid, ProcessRef, Received, TimerRef, exit_after, process, send_after,
    send_after_to_name, send_interval, spawn, spawn_monitor,
};

/// The system's allocator, counting what is not freed yet.
struct Counting;

static BLOCKS: AtomicI64 = AtomicI64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

fn count(blocks: i64, layout: Layout) {
    BLOCKS.fetch_add(blocks, Ordering::Relaxed);
    grow(blocks * i64::try_from(layout.size()).expect("a layout's size fits"));
}

fn grow(bytes: i64) {
    BYTES.fetch_add(bytes, Ordering::Relaxed);
}

// SAFETY: each call is passed on as it is.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-1, layout);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let bytes = |size| i64::try_from(size).expect("a layout's size fits");
        grow(bytes(size) - bytes(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What the program itself may hold more or less of at one moment than at another; tables keep their room. A leak of one
/// block in a hundred processes, or of 8 bytes in each, is more than that.
const NOISE_BLOCKS: i64 = 500;
const NOISE_BYTES: i64 = 400_000;

/// How many live at the same time.
const BATCH: usize = 500;

/// Longer than the test takes: the timers that are set for it end with their processes, or cancelled.
const LATER: Duration = Duration::from_secs(3600);

fn many() -> usize {
    let many = std::env::var("OTP_LEAK_PROCESSES").ok();
    many.map_or(50_000, |many| many.parse().expect("OTP_LEAK_PROCESSES is a number"))
}

/// What a process of the batch is told.
enum Told {
    Meet(Pid),
    End(ExitReason),
    Tick,
}

/// Links with and monitors whom it is told to, has timers of its own under way, and ends as it is told to.
async fn body(mut mailbox: Mailbox<Told>, traps: bool) -> ExitReason {
    process::trap_exit(traps).expect("in a process");
    let me = mailbox.address().recipient();
    send_after(LATER, me.clone(), Told::Tick);
    send_interval(LATER, me, || Told::Tick);
    let mut monitors = Vec::new();
    loop {
        let next = mailbox.receive_timeout(LATER).await;
        match next {
            Some(Received::Message(Told::Meet(peer))) => {
                process::link(peer).expect("in a process");
                monitors.push(process::monitor(peer).expect("in a process"));
            }
            Some(Received::Message(Told::End(reason))) => {
                // Some are taken back, the others end with the process.
                if let Some(monitor) = monitors.pop() {
                    process::demonitor_flush(monitor).expect("in a process");
                }
                return reason;
            }
            _ => {}
        }
    }
}

/// Starts a batch, named, linked in a ring, watched and with timers set for it from outside, and ends it: one in four
/// each by itself, by a signal, with its links, and by a kill.
async fn batch(mailbox: &mut Mailbox<()>) {
    let mut monitors = Vec::with_capacity(BATCH);
    let mut timers: Vec<TimerRef> = Vec::with_capacity(2 * BATCH);
    let processes: Vec<ProcessRef<Told>> = (0..BATCH)
        .map(|n| {
            let (process, monitor) =
                spawn_monitor(move |mailbox| body(mailbox, n % 2 == 0)).expect("in a process");
            monitors.push(monitor);
            process
        })
        .collect();
    for (n, process) in processes.iter().enumerate() {
        let name = format!("leaks-{n}");
        process::register(name.clone(), process.pid()).expect("the name is free");
        timers.push(send_after_to_name(LATER, name, Told::Tick));
        timers.push(exit_after(LATER, process.pid(), ExitReason::Kill));
        process.send(Told::Meet(processes[(n + 1) % BATCH].pid()));
    }
    tokio::task::yield_now().await;
    for (n, process) in processes.iter().enumerate() {
        match n % 4 {
            0 => process.send(Told::End(ExitReason::Normal)),
            1 => process::send_exit(process.pid(), ExitReason::Shutdown),
            2 => process.send(Told::End(ExitReason::Shutdown)),
            _ => process::send_exit(process.pid(), ExitReason::Kill),
        }
    }
    for _ in 0..BATCH {
        match mailbox.receive().await {
            Received::Down(down) => assert!(monitors.contains(&down.monitor), "{down:?}"),
            other => panic!("{other:?}"),
        }
    }
    for (n, process) in processes.iter().enumerate() {
        assert_eq!(process::whereis(&format!("leaks-{n}")), None);
        assert!(!process::is_alive(process.pid()));
    }
    assert_eq!(process::list().len(), 1, "only the test itself is left");
    for timer in timers {
        timer.cancel();
        assert_eq!(timer.read(), None);
    }
}

async fn batches(mailbox: &mut Mailbox<()>, many: usize) -> (i64, i64) {
    for _ in 0..many.div_ceil(BATCH) {
        batch(mailbox).await;
    }
    // Timers of dead processes go when as many others have been set.
    for _ in 0..2 {
        for _ in 0..10 * BATCH {
            send_after(LATER, mailbox.address().recipient(), ()).cancel();
        }
        for _ in 0..10 * BATCH {
            tokio::task::yield_now().await;
        }
    }
    (BLOCKS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed))
}

#[test]
fn processes_that_have_ended_leave_nothing_behind() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let many = many();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let body = otp_core::attach_with(async move |mut mailbox: Mailbox<()>| {
        let before = batches(&mut mailbox, 10_000).await;
        let after = batches(&mut mailbox, many).await;
        let (blocks, bytes) = (after.0 - before.0, after.1 - before.1);
        println!("{many} processes left {blocks} blocks, {bytes} bytes");
        assert!(blocks < NOISE_BLOCKS, "{many} processes left {blocks} blocks");
        assert!(bytes < NOISE_BYTES, "{many} processes left {bytes} bytes");
    });
    runtime.block_on(body).expect("nobody ends it");
}

/// How many start before anybody else has a turn, the timer service too.
const BURST: usize = 2500;

/// Starts processes that set a timer each and end. Their timers are never due.
async fn burst() {
    let burst = (0..BURST).map(|_| {
        spawn(|mailbox: Mailbox<[u64; 8]>| async move {
            send_after(LATER, mailbox.address().recipient(), [0; 8]);
        })
    });
    for process in burst.collect::<Vec<_>>() {
        while process.is_alive() {
            tokio::task::yield_now().await;
        }
    }
}

#[test]
fn timers_of_processes_that_have_ended_stay_few_however_fast_others_are_set() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let bursts = many() / BURST;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let body = otp_core::attach(async move {
        let mut peaks = [0, 0];
        for n in 0..2 * bursts {
            burst().await;
            let peak = &mut peaks[n / bursts];
            *peak = BYTES.load(Ordering::Relaxed).max(*peak);
        }
        let [first, second] = peaks;
        println!("at most {first} bytes in the first {bursts} bursts, {second} in as many more");
        assert!(second - first < NOISE_BYTES, "{first} bytes at most, and then {second}");
    });
    runtime.block_on(body).expect("nobody ends it");
}

#[test]
fn who_waits_no_more_for_the_end_of_a_process_leaves_nothing_with_it() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let many = many();
    let body = otp_core::attach(async move {
        let process = spawn(|_: Mailbox<()>| std::future::pending::<()>());
        let kept = await_end(process.pid());
        let before = BYTES.load(Ordering::Relaxed);
        for _ in 0..many {
            drop(await_end(process.pid()));
        }
        let bytes = BYTES.load(Ordering::Relaxed) - before;
        assert!(bytes < 100_000, "{many} that gave up left {bytes} bytes");
        process::send_exit(process.pid(), ExitReason::Kill);
        let mut kept = kept;
        let end = std::future::poll_fn(|cx| kept.poll_answer(cx)).await;
        assert_eq!(end, Answer::Exit(ExitReason::Killed), "who still waits hears of it");
    });
    runtime.block_on(body).expect("nobody ends it");
}
