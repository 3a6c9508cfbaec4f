//! Nothing is left of registrations whose processes have ended, nor of keys that were given up.
//!
//! A binary of its own, whose tests take turns: the tables and the counters are the whole program's. `OTP_LEAK_PROCESSES` says
//! how many processes register; `cargo xtask ci --full` asks for a million.

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::poll_fn;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use otp_core::behaviour::await_end;
use otp_core::process::send_exit;
use otp_core::{ExitReason, Mailbox, Pid, ProcessRef, spawn};
use otp_genserver::{Context, GenServer, InitError, StartError};
use otp_registry::{Duplicate, Key, Keys, Registry, Value};

/// The system's allocator, counting what is not freed yet.
struct Counting;

static BLOCKS: AtomicI64 = AtomicI64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

fn count(blocks: i64, bytes: usize) {
    BLOCKS.fetch_add(blocks, Ordering::Relaxed);
    BYTES.fetch_add(blocks * i64::try_from(bytes).expect("a layout's size fits"), Ordering::Relaxed);
}

// SAFETY: each call is passed on as it is.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-1, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What the program itself may hold more or less of at one moment than at another. A leak of one block in a hundred
/// processes, or of 8 bytes in each, is more than that.
const NOISE_BLOCKS: i64 = 500;
const NOISE_BYTES: i64 = 400_000;

/// How many live at the same time.
const BATCH: usize = 500;

fn many() -> usize {
    let many = std::env::var("OTP_LEAK_PROCESSES").ok();
    many.map_or(50_000, |many| many.parse().expect("OTP_LEAK_PROCESSES is a number"))
}

/// Runs `work` with `many`, after a shorter warm-up, and looks at what the second run has left.
fn leaves_nothing<F: Future<Output = ()> + Send>(work: impl Fn(usize) -> F + Send + Sync + 'static) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let many = many();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let body = otp_core::attach(async move {
        let held = || (BLOCKS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
        work(10_000).await;
        let before = held();
        work(many).await;
        let after = held();
        let (blocks, bytes) = (after.0 - before.0, after.1 - before.1);
        println!("{many} left {blocks} blocks, {bytes} bytes");
        assert!(blocks < NOISE_BLOCKS, "{many} left {blocks} blocks");
        assert!(bytes < NOISE_BYTES, "{many} left {bytes} bytes");
    });
    runtime.block_on(body).expect("nobody ends it");
}

async fn gone(pid: Pid) {
    let mut end = await_end(pid);
    drop(poll_fn(|cx| end.poll_answer(cx)).await);
}

/// Starts a registry the first time.
async fn run<K: Key, V: Value, M: Keys>(registry: &Registry<K, V, M>) {
    if !registry.is_running() {
        registry.start().await.expect("it starts");
    }
}

/// Lets the partitions hear of all that have died.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn registrations_go_with_their_processes() {
    let unique: Registry<String, Vec<u8>> = Registry::unique("leaks unique").partitions(2);
    let duplicate: Registry<&str, Vec<u8>, Duplicate> = Registry::duplicate("leaks duplicate").partitions(2);
    leaves_nothing(move |many| {
        let (unique, duplicate) = (unique.clone(), duplicate.clone());
        async move {
            run(&unique).await;
            run(&duplicate).await;
            for batch in 0..many.div_ceil(BATCH) {
                let start = |n: usize| {
                    let (unique, duplicate) = (unique.clone(), duplicate.clone());
                    spawn(move |_: Mailbox<()>| async move {
                        unique.register(format!("{batch} {n}"), vec![1; 10]).expect("it is free");
                        duplicate.register("all", vec![1; 10]).expect("it runs");
                        duplicate.register("all", vec![2; 10]).expect("it runs");
                        if n.is_multiple_of(3) {
                            unique.unregister(&format!("{batch} {n}")).expect("it runs");
                        }
                        if n.is_multiple_of(2) {
                            std::future::pending::<()>().await;
                        }
                    })
                };
                let processes: Vec<ProcessRef<()>> = (0..BATCH).map(start).collect();
                tokio::task::yield_now().await;
                for process in processes {
                    send_exit(process.pid(), ExitReason::Kill);
                    gone(process.pid()).await;
                }
                assert_eq!((unique.count(), duplicate.count()), (Ok(0), Ok(0)));
                settle().await;
            }
        }
    });
}

#[test]
fn a_process_that_gives_its_keys_up_keeps_nothing_of_them() {
    let unique: Registry<usize, usize> = Registry::unique("leaks one process").partitions(2);
    leaves_nothing(move |many| {
        let unique = unique.clone();
        async move {
            run(&unique).await;
            for n in 0..many {
                unique.register(n, n).expect("it is free");
                if n % 100 == 99 {
                    // Enough at once that they are counted, and not listed.
                    for n in n - 99..=n {
                        unique.unregister(&n).expect("it runs");
                    }
                }
            }
            assert_eq!(unique.count(), Ok(0));
        }
    });
}

#[test]
fn a_table_that_was_large_becomes_small_again() {
    const KEYS: u64 = 50_000;
    const KEPT: u64 = 500;
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let registry: Registry<u64> = Registry::unique("leaks large");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let body = otp_core::attach(async move {
        run(&registry).await;
        let bytes = || BYTES.load(Ordering::Relaxed);
        let before = bytes();
        let holders: Vec<ProcessRef<()>> = (0..KEYS / KEPT)
            .map(|holder| {
                let registry = registry.clone();
                spawn(move |mut mailbox: Mailbox<()>| async move {
                    for n in holder * KEPT..(holder + 1) * KEPT {
                        registry.register(n, ()).expect("it is free");
                    }
                    drop(mailbox.receive().await);
                })
            })
            .collect();
        settle().await;
        let large = bytes() - before;
        for holder in &holders[1..] {
            send_exit(holder.pid(), ExitReason::Kill);
            gone(holder.pid()).await;
        }
        settle().await;
        assert_eq!(registry.count(), Ok(500));
        let small = bytes() - before;
        println!("{large} bytes with {KEYS} keys, {small} with {KEPT} of them");
        assert!(small < large / 8, "{small} bytes of {large} are left");
    });
    runtime.block_on(body).expect("nobody ends it");
}

#[test]
fn a_crowd_that_has_gone_leaves_no_room_behind() {
    const CROWD: u32 = 30_000;
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let registry: Registry<u32> = Registry::unique("leaks crowd");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let body = otp_core::attach(async move {
        run(&registry).await;
        let crowd = async |registers: bool| {
            let start = |n| {
                let registry = registry.clone();
                spawn(move |mut mailbox: Mailbox<()>| async move {
                    if registers {
                        registry.register(n, ()).expect("it is free");
                    }
                    drop(mailbox.receive().await);
                })
            };
            let crowd: Vec<ProcessRef<()>> = (0..CROWD).map(start).collect();
            while registers && registry.count() != Ok(crowd.len()) {
                tokio::task::yield_now().await;
            }
            for process in &crowd {
                send_exit(process.pid(), ExitReason::Kill);
                gone(process.pid()).await;
            }
            settle().await;
        };
        // What the processes themselves leave is not the registry's.
        crowd(false).await;
        let before = BYTES.load(Ordering::Relaxed);
        crowd(true).await;
        let left = BYTES.load(Ordering::Relaxed) - before;
        println!("a crowd of {CROWD} left {left} bytes");
        assert!(left < NOISE_BYTES, "a crowd of {CROWD} left {left} bytes");
    });
    runtime.block_on(body).expect("nobody ends it");
}

struct Server;

impl GenServer for Server {
    type Args = bool;
    type Call = ();
    type Cast = ();
    type Info = ();
    type Continue = ();

    async fn init(fails: bool, _: &mut Context<Self>) -> Result<Self, InitError> {
        if fails { Err(InitError::Ignore) } else { Ok(Self) }
    }

    async fn handle_call(&mut self, (): (), _: &mut Context<Self>) -> Result<(), ExitReason> {
        Ok(())
    }

    async fn handle_cast(&mut self, (): (), _: &mut Context<Self>) -> Result<(), ExitReason> {
        Ok(())
    }
}

#[test]
fn servers_under_keys_go_with_their_keys() {
    let unique: Registry<usize> = Registry::unique("leaks via").partitions(2);
    leaves_nothing(move |many| {
        let unique = unique.clone();
        async move {
            run(&unique).await;
            for n in 0..many / 4 {
                let server = Server::start(false).name(unique.via(n)).await.expect("it starts");
                let taken = Server::start(false).name(unique.via(n)).await;
                assert_eq!(taken, Err(StartError::AlreadyStarted(server.pid())));
                assert_eq!(Server::start(true).name(unique.via(n + 1)).await, Err(StartError::Ignored));
                server.stop().await.expect("it stops");
            }
            assert_eq!(unique.count(), Ok(0));
            settle().await;
        }
    });
}
