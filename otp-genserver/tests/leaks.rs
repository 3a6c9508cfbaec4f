//! Nothing is left behind, counted in blocks of memory: kept replies that have settled, servers that have ended.
//!
//! A binary of its own, with one test: the counter is the whole program's.

#![cfg(feature = "macros")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};

use otp_genserver::{Call, Context, ExitReason, GenServer, InitError, Name, ReplyTo, ServerRef};

/// The system's allocator, counting the blocks that are not freed yet.
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

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// More than the program's own noise, much less than what thousands of rounds would leave.
const NOISE: i64 = 200;

fn live() -> i64 {
    LIVE.load(Ordering::Relaxed)
}

/// Keeps every reply until it is told to answer.
#[derive(Default)]
struct Keeper {
    kept: Vec<ReplyTo<u64>>,
}

#[derive(Clone, Copy)]
enum Settle {
    Answer,
    Drop,
}

impl GenServer for Keeper {
    type Args = ();
    type Call = ReplyTo<u64>;
    type Cast = Settle;
    type Info = ();
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self::default())
    }

    async fn handle_call(&mut self, reply: ReplyTo<u64>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.kept.push(reply);
        Ok(())
    }

    async fn handle_cast(&mut self, settle: Settle, _: &mut Context<Self>) -> Result<(), ExitReason> {
        for reply in self.kept.drain(..) {
            match settle {
                Settle::Answer => reply.send(1),
                Settle::Drop => drop(reply),
            }
        }
        Ok(())
    }
}

fn sent(server: &ServerRef<Keeper>) -> Call<Keeper, u64> {
    let mut call = server.call(|reply| reply);
    let first = Pin::new(&mut call).poll(&mut TaskContext::from_waker(Waker::noop()));
    assert!(matches!(first, Poll::Pending));
    call
}

async fn settle() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

/// Replies that outlive their callback, and settle in each way one by one.
async fn kept_one_by_one(server: &ServerRef<Keeper>, rounds: u32) {
    for round in 0..rounds {
        let call = sent(server);
        settle().await;
        let how = if round % 2 == 0 { Settle::Answer } else { Settle::Drop };
        if round % 3 == 0 {
            drop(call);
            server.cast(how);
        } else {
            server.cast(how);
            drop(call.await);
        }
    }
    settle().await;
}

async fn kept_all_at_once(server: &ServerRef<Keeper>, many: u32) {
    let calls: Vec<_> = (0..many).map(|_| sent(server)).collect();
    settle().await;
    server.cast(Settle::Answer);
    for call in calls {
        assert_eq!(call.await, Ok(1));
    }
}

async fn started_and_ended(rounds: u32) {
    let name = Name::<Keeper>::new("keeper");
    for round in 0..rounds {
        let server = Keeper::start(()).name(name.clone()).await.expect("the name is free");
        let call = sent(&server);
        settle().await;
        if round % 2 == 0 {
            server.stop().await.expect("it stops");
        } else {
            otp_genserver::process::send_exit(server.pid(), ExitReason::Kill);
        }
        assert!(call.await.is_err());
    }
    settle().await;
}

#[otp_genserver::test]
async fn nothing_is_left_behind() {
    let server = Keeper::start(()).await.unwrap();
    kept_one_by_one(&server, 500).await;
    let before = live();
    kept_one_by_one(&server, 10_000).await;
    assert!(live() - before < NOISE, "kept one by one: {} blocks", live() - before);

    kept_all_at_once(&server, 10_000).await;
    // As many again, so that the runner clears out.
    kept_one_by_one(&server, 20_000).await;
    assert!(live() - before < NOISE, "kept all at once: {} blocks", live() - before);
    server.stop().await.unwrap();
    drop(server);
    settle().await;
    assert!(live() - before < NOISE, "after the server's end: {} blocks", live() - before);

    started_and_ended(200).await;
    let before = live();
    started_and_ended(5_000).await;
    assert!(live() - before < NOISE, "started and ended: {} blocks", live() - before);
}
