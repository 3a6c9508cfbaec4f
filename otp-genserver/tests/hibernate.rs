//! What a hibernating server gives back, by an allocator that counts; in a binary of its own, since it replaces the
//! allocator.

#![cfg(feature = "macros")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::time::Duration;

use otp_genserver::{Context, ExitReason, GenServer, InitError, ReplyTo, ServerRef, sys};

struct Counting;

thread_local! {
    /// Bytes that this thread has taken less those it gave back. A test and its servers share a thread, and the tests
    /// beside it stay out of the figure.
    static ALIVE: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: passes every request on to the system's allocator, unchanged.
#[expect(unsafe_code, reason = "an allocator that counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALIVE.set(ALIVE.get() + layout.size().cast_signed());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALIVE.set(ALIVE.get() - layout.size().cast_signed());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How much a queue of [`MESSAGES`] takes at least.
const QUEUE: isize = 100_000;
const MESSAGES: u64 = 1000;

#[derive(Default)]
struct Sum {
    sum: u64,
    kept: Vec<ReplyTo<u64>>,
}

enum Add {
    Large([u64; 16]),
    Hibernate,
    HibernateWithTimeout,
}

impl GenServer for Sum {
    type Args = ();
    type Call = (bool, ReplyTo<u64>);
    type Cast = Add;
    type Info = Infallible;
    type Continue = Infallible;

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self::default())
    }

    async fn handle_call(
        &mut self,
        (keep, reply): (bool, ReplyTo<u64>),
        _: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        if keep {
            self.kept.push(reply)
        } else {
            reply.send(self.sum)
        }
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Add, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {
            Add::Large(numbers) => self.sum += numbers[0],
            Add::Hibernate => cx.hibernate(),
            Add::HibernateWithTimeout => {
                cx.set_timeout(Duration::from_secs(1));
                cx.hibernate();
            }
        }
        Ok(())
    }

    async fn handle_timeout(&mut self, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.sum += 1_000_000;
        Ok(())
    }
}

async fn sum(server: &ServerRef<Sum>) -> u64 {
    server.call(|reply| (false, reply)).await.expect("it answers")
}

fn flood(server: &ServerRef<Sum>) {
    for _ in 0..MESSAGES {
        server.cast(Add::Large([1; 16]));
    }
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn alive() -> isize {
    ALIVE.get()
}

#[otp_genserver::test]
async fn gs_037_a_hibernating_server_gives_its_buffers_back_and_wakes_with_its_state() {
    // The first one pays for what is made once.
    let first = Sum::start(()).await.unwrap();
    flood(&first);
    sum(&first).await;
    first.cast(Add::Hibernate);
    settle().await;
    let server = Sum::start(()).await.unwrap();
    let at_start = alive();
    flood(&server);
    assert_eq!(sum(&server).await, MESSAGES);
    flood(&server);
    assert_eq!(sum(&server).await, 2 * MESSAGES);
    settle().await;
    assert!(alive() - at_start > QUEUE, "it keeps its buffers: {}", alive() - at_start);
    server.cast(Add::Hibernate);
    settle().await;
    // A few bytes are left in what all processes share; its queue, batch and orders take more each.
    assert!(alive() - at_start <= 128, "as small as at its start: {}", alive() - at_start);
    flood(&server);
    assert_eq!(sum(&server).await, 3 * MESSAGES, "it wakes with its state");
}

#[otp_genserver::test]
async fn gs_037_it_hibernates_only_when_no_message_waits() {
    let server = Sum::start(()).await.unwrap();
    let at_start = alive();
    server.cast(Add::Hibernate);
    flood(&server);
    assert_eq!(sum(&server).await, MESSAGES);
    settle().await;
    assert!(alive() - at_start > QUEUE, "the messages that waited ended it: {}", alive() - at_start);
}

#[otp_genserver::test]
async fn gs_037_hibernate_after_gives_the_buffers_back_whenever_no_message_came_for_the_time() {
    tokio::time::pause();
    let server = Sum::start(()).hibernate_after(Duration::from_millis(50)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let at_start = alive();
    for round in 1..=2 {
        flood(&server);
        tokio::time::sleep(Duration::from_millis(40)).await;
        assert_eq!(sum(&server).await, round * MESSAGES);
        tokio::time::sleep(Duration::from_millis(40)).await;
        assert!(alive() - at_start > QUEUE, "the time counts from the last message");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(alive() - at_start < QUEUE, "{}", alive() - at_start);
    }
    assert_eq!(sum(&server).await, 2 * MESSAGES);
}

#[otp_genserver::test]
async fn gs_037_what_a_hibernating_server_still_needs_stays() {
    tokio::time::pause();
    let server = Sum::start(()).await.unwrap();
    server.cast(Add::HibernateWithTimeout);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(sum(&server).await, 1_000_000, "its timeout");

    let kept = server.send_request(|reply| (true, reply));
    sys::statistics(&server, true).await.unwrap();
    server.cast(Add::Hibernate);
    settle().await;
    assert!(sys::get_statistics(&server).await.unwrap().is_some(), "its debugging");
    sys::suspend(&server).await.unwrap();
    settle().await;
    assert!(sys::get_status(&server).await.unwrap().suspended);
    otp_genserver::process::send_exit(server.pid(), ExitReason::Kill);
    let killed = otp_genserver::CallError::Exit(ExitReason::Killed);
    assert_eq!(kept.await, Err(killed), "its debts");
}

#[otp_genserver::test]
async fn gs_037_a_hibernating_server_gives_back_the_room_of_the_requests_it_kept() {
    let server = Sum::start(()).await.unwrap();
    let mut requests = Vec::new();
    for _ in 0..1000 {
        // One by one, so that the queue stays small.
        requests.push(server.send_request(|reply| (true, reply)));
        settle().await;
    }
    drop(requests);
    let awake = alive();
    server.cast(Add::Hibernate);
    settle().await;
    assert!(awake - alive() > 4000, "a pointer for each: {}", awake - alive());
}

#[otp_genserver::test]
async fn gs_037_a_server_that_hibernated_still_tells_those_whose_replies_it_gave_away() {
    let server = Sum::start(()).await.unwrap();
    let request = server.send_request(|reply| (true, reply));
    let _away = sys::replace_state(&server, |sum| std::mem::take(&mut sum.kept)).await.unwrap();
    server.cast(Add::Hibernate);
    settle().await;
    otp_genserver::process::send_exit(server.pid(), ExitReason::Kill);
    let killed = otp_genserver::CallError::Exit(ExitReason::Killed);
    assert_eq!(request.receive_response(Duration::from_secs(1)).await, Err(killed));
}
