//! User code under a lock: it may use no table, and a panic in it leaves the table whole.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use otp_ets::{Bag, CounterOp, DuplicateBag, OrderedSet, Set};

fn message_of<R>(f: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("it panics");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().expect("a text")).to_owned(),
    }
}

#[test]
fn a_closure_that_uses_a_table_panics_and_the_table_goes_on() {
    let (table, other) = (Set::<u32, u32>::new().unwrap(), OrderedSet::<u32, u32>::new().unwrap());
    table.insert(1, 1).unwrap();
    other.insert(1, 1).unwrap();
    let nested = [
        message_of(|| table.lookup_element(&1, |_| other.lookup(&1))),
        message_of(|| table.update_element(&1, |_| table.insert(2, 2).unwrap())),
        message_of(|| table.select(|_, _| table.info())),
        message_of(|| table.select_delete(|_, _| other.first().is_ok())),
        message_of(|| {
            other.foldl(0, |sum, _, _| sum + Set::<u32, u32>::new().unwrap().to_vec().unwrap().len())
        }),
        message_of(|| {
            drop(other.range(0..5).and_then(|_| other.select_range(0..5, |_, _| table.take(&1).ok())))
        }),
    ];
    for message in nested {
        assert!(message.starts_with("a table was used from a closure"), "{message}");
    }
    assert_eq!((table.lookup(&1), other.lookup(&1)), (Ok(Some(1)), Ok(Some(1))));
    table.insert(3, 3).unwrap();
    assert_eq!(table.info().unwrap().size, 2);
}

#[test]
fn a_table_can_be_used_again_after_one_that_was_read_as_a_whole() {
    let table = Set::<u32, u32>::new().unwrap();
    table.to_vec().unwrap();
    table.delete_all_objects().unwrap();
    table.insert_all([(1, 1), (2, 2)]).unwrap();
    table.insert(1, 2).unwrap();
    assert_eq!(table.lookup(&1), Ok(Some(2)));
}

#[test]
fn a_panic_in_update_element_leaves_the_row_as_it_was() {
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    set.insert(1, (1, 1)).unwrap();
    ordered.insert(1, (1, 1)).unwrap();
    let half = |row: &mut (i32, i32)| {
        row.0 = 2;
        panic!("between the two");
    };
    message_of(|| set.update_element(&1, half));
    message_of(|| ordered.update_element(&1, half));
    message_of(|| set.update_element_or(2, (0, 0), half));
    message_of(|| ordered.update_element_or(2, (0, 0), half));
    assert_eq!(set.to_vec(), Ok(vec![(1, (1, 1))]));
    assert_eq!(ordered.to_vec(), Ok(vec![(1, (1, 1))]));
}

#[test]
fn a_panic_in_a_field_of_a_counter_leaves_the_row_as_it_was() {
    let set = Set::new().unwrap();
    set.insert(1, (1_i32, 1_i32)).unwrap();
    let fine = CounterOp::field(|row: &mut (i32, i32)| &mut row.0, 1);
    let broken = CounterOp::field(|_: &mut (i32, i32)| panic!("no such field"), 1);
    message_of(|| set.update_counters(&1, &[fine, broken]));
    assert_eq!(set.lookup(&1), Ok(Some((1, 1))));
}

#[test]
fn a_panic_in_select_delete_or_replace_leaves_whole_rows() {
    let (set, ordered, bag) = (Set::new().unwrap(), OrderedSet::new().unwrap(), DuplicateBag::new().unwrap());
    set.insert_all((0..1000).map(|n| (n, n))).unwrap();
    ordered.insert_all((0..1000).map(|n| (n, n))).unwrap();
    bag.insert_all((0..1000).map(|n| (n / 5, n))).unwrap();
    let seen = Cell::new(0);
    let break_at = |at: i32| {
        seen.set(seen.get() + 1);
        assert!(seen.get() != at, "enough");
        true
    };
    message_of(|| set.select_delete(|_, _| break_at(300)));
    seen.set(0);
    message_of(|| ordered.select_delete(|_, _| break_at(300)));
    seen.set(0);
    message_of(|| bag.select_delete(|_, _| break_at(300)));
    seen.set(0);
    message_of(|| set.select_replace(|_, n| break_at(300).then_some(n + 1)));
    for (size, rows) in [
        (set.info().unwrap().size, set.to_vec().unwrap()),
        (ordered.info().unwrap().size, ordered.to_vec().unwrap()),
        (bag.info().unwrap().size, bag.to_vec().unwrap()),
    ] {
        assert_eq!(size, rows.len());
        assert!((600..1000).contains(&size), "{size} rows are left");
    }
}

thread_local! {
    /// How many calls until the next one panics; below 0, none.
    static FUSE: Cell<i64> = const { Cell::new(-1) };
}

fn burn() {
    FUSE.set(FUSE.get() - 1);
    assert!(FUSE.get() != -1, "the fuse has burnt down");
    FUSE.set(FUSE.get().max(-2));
}

/// Whose `Hash`, `Eq`, `Ord` and `Clone` panic when the fuse has burnt down.
#[derive(Debug)]
struct Fragile(u32);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        burn();
        Self(self.0)
    }
}
impl Hash for Fragile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn();
        self.0.hash(state);
    }
}
impl PartialEq for Fragile {
    fn eq(&self, other: &Self) -> bool {
        burn();
        self.0 == other.0
    }
}
impl Eq for Fragile {}
impl PartialOrd for Fragile {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Fragile {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        burn();
        self.0.cmp(&other.0)
    }
}

/// Lets the nth call of user code panic, for each n until none does.
fn at_every_call<R>(mut attempt: impl FnMut() -> R) -> usize {
    for n in 0.. {
        FUSE.set(n);
        let outcome = catch_unwind(AssertUnwindSafe(&mut attempt));
        FUSE.set(-1);
        if outcome.is_ok() {
            return usize::try_from(n).expect("calls are counted from 0");
        }
    }
    unreachable!("the calls are finite")
}

fn numbers(rows: Vec<(Fragile, u32)>) -> Vec<(u32, u32)> {
    let mut rows: Vec<_> = rows.into_iter().map(|(key, value)| (key.0, value)).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn a_multi_row_insert_that_panics_anywhere_inserts_nothing() {
    const OLD: u32 = 60;
    let before: Vec<(u32, u32)> = (0..OLD).map(|n| (n, 0)).collect();
    let rows = || (OLD - 20..OLD + 60).map(|n| (Fragile(n), 1)).collect::<Vec<_>>();
    macro_rules! check {
        ($table:ident) => {
            let table = $table::new().unwrap();
            table.insert_all((0..OLD).map(|n| (Fragile(n), 0))).unwrap();
            let calls = at_every_call(|| {
                FUSE.with(|fuse| {
                    let armed = fuse.replace(-1);
                    let now = numbers(table.to_vec().unwrap());
                    assert_eq!(now, before, "the attempt before left something behind");
                    fuse.set(armed);
                });
                table.insert_all(rows()).unwrap();
            });
            assert!(calls > 80, "only {calls} calls could panic");
            assert_eq!(table.info().unwrap().size, table.to_vec().unwrap().len());
        };
    }
    check!(Set);
    check!(OrderedSet);
    check!(Bag);
}

#[test]
fn single_operations_that_panic_anywhere_leave_the_table_whole() {
    let set = Set::new().unwrap();
    for n in 0..200 {
        at_every_call(|| set.insert(Fragile(n), 1).unwrap());
    }
    assert_eq!(numbers(set.to_vec().unwrap()), (0..200).map(|n| (n, 1)).collect::<Vec<_>>());
    for n in 0..200 {
        at_every_call(|| set.take(&Fragile(n)).unwrap());
    }
    assert_eq!(set.info().unwrap().size, 0);
    let ordered = OrderedSet::new().unwrap();
    for n in 0..50 {
        at_every_call(|| ordered.insert(Fragile(n), 1).unwrap());
    }
    assert_eq!(ordered.info().unwrap().size, 50);
}

/// Uses a table when it is dropped.
struct Loud {
    table: Set<u32, u32>,
    alive: Arc<AtomicUsize>,
}

impl Loud {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self { table: Set::new().unwrap(), alive: Arc::clone(alive) }
    }
}

impl Clone for Loud {
    fn clone(&self) -> Self {
        self.alive.fetch_add(1, Ordering::Relaxed);
        Self { table: self.table.clone(), alive: Arc::clone(&self.alive) }
    }
}

impl PartialEq for Loud {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Drop for Loud {
    fn drop(&mut self) {
        self.table.insert(1, 1).expect("it is no one's");
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn what_is_replaced_or_removed_is_dropped_after_unlocking() {
    let alive = Arc::new(AtomicUsize::new(0));
    let loud = || Loud::new(&alive);
    macro_rules! check {
        ($table:ident) => {
            let table = $table::new().unwrap();
            table.insert(1, loud()).unwrap();
            table.insert(1, loud()).unwrap();
            table.insert_new(1, loud()).unwrap();
            table.insert_all([(1, loud()), (2, loud()), (2, loud())]).unwrap();
            table.insert_all_new([(1, loud()), (7, loud())]).unwrap();
            table.update_element(&1, |_| ()).unwrap();
            table.update_element_or(1, loud(), |_| ()).unwrap();
            table.select_replace(|_, value| Some(value.clone())).unwrap();
            table.delete(&1).unwrap();
            table.delete_object(&2, &loud()).unwrap();
            table.insert_all([(3, loud()), (4, loud())]).unwrap();
            table.select_delete(|key, _| *key == 3).unwrap();
            table.delete_all_objects().unwrap();
            table.insert(5, loud()).unwrap();
            drop(table.to_vec().unwrap());
            table.delete_table().unwrap();
            assert!(table.insert(5, loud()).is_err());
        };
    }
    check!(Set);
    check!(OrderedSet);
    let bag = Bag::new().unwrap();
    bag.insert(1, loud()).unwrap();
    bag.insert(1, loud()).unwrap();
    bag.insert_all([(1, loud()), (2, loud()), (2, loud())]).unwrap();
    bag.insert_all_new([(1, loud())]).unwrap();
    bag.delete_object(&1, &loud()).unwrap();
    bag.select_delete(|_, _| true).unwrap();
    bag.insert(1, loud()).unwrap();
    bag.delete_table().unwrap();
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn a_closure_runs_once_for_each_row() {
    let set = Set::new().unwrap();
    set.insert_all((0..100).map(|n| (n, n))).unwrap();
    let calls = Cell::new(0);
    set.update_element(&1, |_| calls.set(calls.get() + 1)).unwrap();
    assert_eq!(calls.get(), 1);
    set.select_replace(|_, n| {
        calls.set(calls.get() + 1);
        Some(*n)
    })
    .unwrap();
    assert_eq!(calls.get(), 101);
}
