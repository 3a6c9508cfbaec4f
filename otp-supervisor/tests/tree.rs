//! A tree of supervisors, five levels deep, under random kills and a load of calls through names: no call hangs, every
//! child comes back, and when it has stopped nothing of it is left.
//!
//! A binary of its own, with one test: tables and the count of memory blocks are the whole program's.
//! `OTP_TREE_BRANCHES=10 OTP_TREE_KILLS=100000` is the tree of 10,000 children that `ci --full` runs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use otp_core::{ExitReason, process};
use otp_genserver::{CallError, Context, Destination, GenServer, InitError, Name, ReplyTo};
use otp_supervisor::{ChildSpec, IntoChildSpec, Supervisor, SupervisorSpec};

struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

// SAFETY: each call is passed on as it is.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Levels of supervisors above the leaves.
const LEVELS: u32 = 4;

struct Leaf;

impl GenServer for Leaf {
    type Args = ();
    type Call = ReplyTo<()>;
    type Cast = ();
    type Info = ();
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self)
    }

    async fn handle_call(&mut self, reply: ReplyTo<()>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        reply.send(());
        Ok(())
    }

    async fn handle_cast(&mut self, (): (), _: &mut Context<Self>) -> Result<(), ExitReason> {
        Ok(())
    }
}

fn leaf_name(at: u64) -> Name<Leaf> {
    Name::owned(format!("leaf {at}"))
}

fn supervisor_name(level: u32, at: u64) -> Name<Supervisor> {
    Name::owned(format!("supervisor {level} {at}"))
}

fn patient(spec: SupervisorSpec) -> SupervisorSpec {
    spec.intensity(u32::MAX, Duration::from_secs(1))
}

/// The children of the supervisor at a level, `at` being its place among those of its level.
fn branch(level: u32, at: u64, branches: u64) -> SupervisorSpec {
    let child = |n: u64| -> ChildSpec {
        let at = at * branches + n;
        if level + 1 == LEVELS {
            Leaf::start_link(()).name(leaf_name(at)).child_spec().id(at)
        } else {
            let spec = branch(level + 1, at, branches);
            spec.start_link().name(supervisor_name(level + 1, at)).child_spec().id(at)
        }
    };
    patient(Supervisor::one_for_one()).children((0..branches).map(child))
}

/// A small generator: the test needs nothing better.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// One life of the tree: how many calls were answered, and how many found nobody.
async fn live(branches: u64, kills: u64, seed: u64) -> (u64, u64) {
    let leaves = branches.pow(LEVELS);
    let root = branch(0, 0, branches).start_link().await.expect("it starts");
    let over = Arc::new(AtomicBool::new(false));
    let (answered, missed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> = (0..4)
        .map(|n| {
            let (over, answered, missed) = (Arc::clone(&over), Arc::clone(&answered), Arc::clone(&missed));
            let mut random = Random(seed + n + 1);
            otp_core::spawn_monitor(move |_: otp_core::Mailbox<()>| async move {
                while !over.load(Ordering::Relaxed) {
                    match leaf_name(random.below(leaves)).call(|reply| reply).await {
                        Ok(()) => answered.fetch_add(1, Ordering::Relaxed),
                        Err(CallError::NoProc | CallError::Exit(_)) => missed.fetch_add(1, Ordering::Relaxed),
                        Err(other) => panic!("a call hung or failed otherwise: {other:?}"),
                    };
                    tokio::task::yield_now().await;
                }
            })
            .expect("a process")
            .0
            .pid()
        })
        .collect();

    let mut random = Random(seed);
    let mut done = 0;
    while done < kills {
        // One in a hundred kills takes a supervisor, and with it all that stands below.
        let pid = if random.below(100) == 0 {
            let level = 1 + u32::try_from(random.below(u64::from(LEVELS) - 1)).expect("it is small");
            supervisor_name(level, random.below(branches.pow(level))).whereis()
        } else {
            leaf_name(random.below(leaves)).whereis()
        };
        if let Some(pid) = pid {
            process::send_exit(pid, ExitReason::Kill);
            done += 1;
        }
        // At least one call for each kill.
        while answered.load(Ordering::Relaxed) + missed.load(Ordering::Relaxed) < done {
            tokio::task::yield_now().await;
        }
    }

    over.store(true, Ordering::Relaxed);
    while callers.iter().any(|&pid| process::is_alive(pid)) {
        settle().await;
    }
    for at in 0..leaves {
        while leaf_name(at).call(|reply| reply).await.is_err() {
            settle().await;
        }
    }
    root.stop().await.expect("it runs");
    for at in 0..leaves {
        assert_eq!(leaf_name(at).whereis(), None);
    }
    (answered.load(Ordering::Relaxed), missed.load(Ordering::Relaxed))
}

#[test]
fn a_tree_under_random_kills_loses_nothing_and_leaves_nothing() {
    let branches = number("OTP_TREE_BRANCHES", 4);
    let kills = number("OTP_TREE_KILLS", 3000);
    process::set_crash_report_limit(None);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(async move {
        otp_core::attach(async move {
            // The first life warms up what stays: threads, tables, buffers.
            live(branches, kills, 1).await;
            settle().await;
            let (blocks, processes) = (LIVE.load(Ordering::Relaxed), process::list().len());
            let (answered, missed) = live(branches, kills, 2).await;
            settle().await;
            let more = LIVE.load(Ordering::Relaxed) - blocks;
            println!(
                "{} leaves, {kills} kills: {answered} calls answered, {missed} found nobody; {more} blocks more than before",
                branches.pow(LEVELS)
            );
            assert!(answered > 0 && missed > 0);
            assert_eq!(process::list().len(), processes);
            assert!(more < 2000, "{more} blocks of memory were left");
        })
        .await
    });
    outcome.expect("it ends");
}
