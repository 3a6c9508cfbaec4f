//! Nothing is left of tables that have gone, nor of rows that were deleted.
//!
//! A binary of its own, with one test: the counters are the whole program's.

#![expect(clippy::unwrap_used, reason = "also helpers of tests may fail by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

use otp_core::{Mailbox, spawn};
use otp_ets::{AccessError, Bag, OrderedSet, Set, all};

/// The system's allocator, counting what is not freed yet.
struct Counting;

static BYTES: AtomicI64 = AtomicI64::new(0);

fn grow(bytes: usize, sign: i64) {
    BYTES.fetch_add(sign * i64::try_from(bytes).expect("a layout's size fits"), Ordering::Relaxed);
}

// SAFETY: each call is passed on as it is.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size(), 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        grow(layout.size(), -1);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One round of everything that makes and frees.
async fn round() {
    let owner = spawn(|mut mailbox: Mailbox<()>| async move {
        let (set, ordered) = (Set::builder().name("leaks").create().unwrap(), OrderedSet::new().unwrap());
        set.insert_all((0..500).map(|n| (n, vec![n; 10]))).unwrap();
        ordered.insert_all((0..500).map(|n| (n, vec![n; 10]))).unwrap();
        for n in 0..500 {
            set.insert(n, vec![n]).unwrap();
            set.update_element(&n, |row| row.push(n)).unwrap();
            ordered.take(&n).unwrap();
        }
        set.select_delete(|n, _| n % 2 == 0).unwrap();
        set.rename("leaks, renamed").unwrap();
        mailbox.receive().await;
    });
    let bag = Bag::new().unwrap();
    for n in 0..500 {
        bag.insert(n % 7, vec![n; 10]).unwrap();
    }
    bag.delete_object(&1, &vec![1; 10]).unwrap();
    bag.delete_table().unwrap();
    let unnamed = Set::new().unwrap();
    unnamed.insert_all((0..500).map(|n| (n, vec![n]))).unwrap();
    unnamed.delete_all_objects().unwrap();
    unnamed.delete_table().unwrap();
    while otp_ets::whereis("leaks, renamed").is_none() {
        tokio::task::yield_now().await;
    }
    let table = Set::<i32, Vec<i32>>::whereis("leaks, renamed").unwrap();
    owner.send(());
    while table.lookup(&1) != Err(AccessError::Gone) {
        tokio::task::yield_now().await;
    }
    while owner.is_alive() {
        tokio::task::yield_now().await;
    }
}

#[otp_core::test]
async fn nothing_is_left_of_tables_and_rows() {
    for _ in 0..20 {
        round().await;
    }
    let before = BYTES.load(Ordering::Relaxed);
    for _ in 0..200 {
        round().await;
    }
    let grown = BYTES.load(Ordering::Relaxed) - before;
    assert!(grown < 20_000, "{grown} bytes are left of 200 rounds");
    assert!(all().is_empty(), "{:?}", all());
    an_owner_keeps_nothing_of_the_tables_it_deleted();
}

/// An owner that makes and deletes tables all its life keeps nothing of them.
fn an_owner_keeps_nothing_of_the_tables_it_deleted() {
    let make = || Set::<u32, u32>::new().unwrap().delete_table().unwrap();
    (0..100).for_each(|_| make());
    let before = BYTES.load(Ordering::Relaxed);
    (0..10_000).for_each(|_| make());
    let grown = BYTES.load(Ordering::Relaxed) - before;
    assert!(grown < 5_000, "{grown} bytes are left of 10,000 tables");
}
