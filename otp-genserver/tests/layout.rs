//! Bytes per idle server, from the real layout: what one start leaves allocated. In a binary of its own, since it
//! replaces the allocator. `cargo test -p otp-genserver --test layout -- --nocapture` prints the parts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::{Mutex, PoisonError};

use otp_genserver::{Context, ExitReason, GenServer, InitError};

/// Counts what is alive, and lists the sizes while `LISTING`.
struct Counting;

static ALIVE: AtomicIsize = AtomicIsize::new(0);
static LISTING: AtomicBool = AtomicBool::new(false);
static LISTED: Mutex<[(usize, usize, usize); 64]> = Mutex::new([(0, 0, 0); 64]);

fn list(address: usize, size: usize, align: usize) {
    let mut listed = LISTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(free) = listed.iter_mut().find(|entry| entry.0 == 0) {
        *free = (address, size, align);
    }
}

fn unlist(address: usize) {
    let mut listed = LISTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(entry) = listed.iter_mut().find(|entry| entry.0 == address) {
        *entry = (0, 0, 0);
    }
}

// SAFETY: passes every request on to the system's allocator, unchanged.
#[expect(unsafe_code, reason = "an allocator that counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let pointer = unsafe { System.alloc(layout) };
        ALIVE.fetch_add(layout.size().cast_signed(), Ordering::Relaxed);
        if LISTING.load(Ordering::Relaxed) {
            list(pointer.addr(), layout.size(), layout.align());
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALIVE.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
        if LISTING.load(Ordering::Relaxed) {
            unlist(pointer.addr());
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Eight(u64);

enum Ask {
    Add(u64),
}

impl GenServer for Eight {
    type Args = u64;
    type Call = Infallible;
    type Cast = Ask;
    type Info = Infallible;
    type Continue = Infallible;

    async fn init(start: u64, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self(start))
    }

    async fn handle_call(&mut self, call: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {}
    }

    async fn handle_cast(&mut self, Ask::Add(n): Ask, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.0 += n;
        Ok(())
    }
}

/// The chunk that glibc takes for an allocation: 8 bytes of its own, in steps of 16.
fn chunk(size: usize) -> usize {
    (size + 8).next_multiple_of(16).max(32)
}

#[otp_genserver::test]
async fn an_idle_server_stays_within_its_bytes() {
    const MANY: usize = 16_384;
    // The first ones pay for what is made once.
    let mut servers = Vec::with_capacity(MANY + 64);
    for n in 0..63 {
        servers.push(Eight::start(n).await.unwrap());
    }
    LISTING.store(true, Ordering::Relaxed);
    servers.push(Eight::start(63).await.unwrap());
    LISTING.store(false, Ordering::Relaxed);
    let parts: Vec<_> = LISTED.lock().unwrap().iter().filter(|entry| entry.0 != 0).copied().collect();

    let before = ALIVE.load(Ordering::Relaxed);
    for n in 0..MANY as u64 {
        servers.push(Eight::start(n).await.unwrap());
    }
    let each = usize::try_from(ALIVE.load(Ordering::Relaxed) - before).unwrap() / MANY;

    println!("an idle GenServer with 8 bytes of state, unnamed, never messaged:");
    for (_, size, align) in &parts {
        println!("  {size:>4} bytes, aligned to {align}");
    }
    let heap: usize = parts.iter().map(|part| part.1).sum();
    let chunks: usize = parts.iter().map(|part| chunk(part.1)).sum();
    println!("  {heap} bytes in {} allocations; {chunks} in malloc's chunks", parts.len());
    println!("  {each} bytes with its share of the process table, at {MANY} servers");

    servers[0].cast(Ask::Add(1));
    assert!(chunks <= 512, "cell, future and task no longer fit into 512 bytes of chunks: {chunks}");
    assert!(each <= 560, "an idle server takes {each} bytes of heap");
}
