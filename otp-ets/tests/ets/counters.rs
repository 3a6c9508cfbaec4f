//! `update_element`, `update_counter` and their forms with defaults and with several operations.

use otp_ets::{CounterOp, OrderedSet, Set, UpdateCounterError};

#[derive(Debug, Clone, PartialEq, Default)]
struct Row {
    a: i64,
    b: i64,
}

fn a(by: i64) -> CounterOp<Row, i64> {
    CounterOp::field(|row: &mut Row| &mut row.a, by)
}

fn b(by: i64) -> CounterOp<Row, i64> {
    CounterOp::field(|row: &mut Row| &mut row.b, by)
}

fn table() -> Set<&'static str, Row> {
    let table = Set::new().unwrap();
    table.insert("k", Row { a: 5, b: 7 }).unwrap();
    table
}

#[test]
fn ets_086_update_counter_adds_and_gives_the_new_value() {
    let table = table();
    assert_eq!(table.update_counter("k", a(3)), Ok(8));
    assert_eq!(table.update_counter("k", b(-10)), Ok(-3));
    assert_eq!(table.lookup("k"), Ok(Some(Row { a: 8, b: -3 })));
    let plain = OrderedSet::new().unwrap();
    plain.insert("k", 1_u8).unwrap();
    assert_eq!(plain.update_counter("k", CounterOp::by(41)), Ok(42));
    assert_eq!(plain.lookup("k"), Ok(Some(42)));
}

#[test]
fn a_threshold_sets_the_counter_when_it_is_crossed() {
    let table = table();
    assert_eq!(table.update_counter("k", a(5).threshold(10, 0)), Ok(10));
    assert_eq!(table.update_counter("k", a(1).threshold(10, 0)), Ok(0));
    assert_eq!(table.update_counter("k", a(-5).threshold(-5, 9)), Ok(-5));
    assert_eq!(table.update_counter("k", a(-1).threshold(-5, 9)), Ok(9));
    // Adding nothing counts as adding.
    assert_eq!(table.update_counter("k", a(0).threshold(8, 1)), Ok(1));
    assert_eq!(table.update_counter("k", a(i64::MAX).threshold(8, 1)), Ok(1));
}

#[test]
fn ets_089_several_operations_work_on_what_the_last_one_left() {
    let table = table();
    let ops = [a(1), b(1).threshold(3, 0), a(-100).threshold(-50, -7), a(1)];
    assert_eq!(table.update_counters("k", &ops), Ok(vec![6, 0, -7, -6]));
    assert_eq!(table.lookup("k"), Ok(Some(Row { a: -6, b: 0 })));
    assert_eq!(table.update_counters::<_, i64>("k", &[]), Ok(vec![]));
}

#[test]
fn ets_091_a_missing_key_is_an_error() {
    let table = table();
    assert_eq!(table.update_counter("z", a(1)), Err(UpdateCounterError::NoSuchKey));
    assert_eq!(table.update_counters("z", &[a(1)]), Err(UpdateCounterError::NoSuchKey));
    assert_eq!(table.update_counters::<_, i64>("z", &[]), Err(UpdateCounterError::NoSuchKey));
    assert_eq!(table.member("z"), Ok(false));
}

#[test]
fn ets_092_what_does_not_fit_is_an_error_and_changes_nothing() {
    let table = Set::new().unwrap();
    table.insert("k", (250_u8, 0_u8)).unwrap();
    let first = |by| CounterOp::field(|row: &mut (u8, u8)| &mut row.0, by);
    let second = |by| CounterOp::field(|row: &mut (u8, u8)| &mut row.1, by);
    assert_eq!(table.update_counter("k", first(5)), Ok(255));
    assert_eq!(table.update_counter("k", first(1)), Err(UpdateCounterError::Overflow));
    assert_eq!(table.update_counter("k", second(-1)), Err(UpdateCounterError::Overflow));
    assert_eq!(table.update_counters("k", &[second(1), first(1)]), Err(UpdateCounterError::Overflow));
    assert_eq!(table.lookup("k"), Ok(Some((255, 0))));
    assert_eq!(table.update_counter_or("new", (255, 0), first(1)), Err(UpdateCounterError::Overflow));
    assert_eq!(
        table.update_counters_or("new", (255, 0), &[second(1), first(1)]),
        Err(UpdateCounterError::Overflow)
    );
    assert_eq!(table.member("new"), Ok(false));
}

#[test]
fn ets_092_counters_of_every_size_reach_their_ends() {
    macro_rules! check {
        ($($integer:ident)+) => {$(
            let table = Set::new().unwrap();
            table.insert((), $integer::MAX - 1).unwrap();
            assert_eq!(table.update_counter(&(), CounterOp::by(1)), Ok($integer::MAX));
            assert_eq!(table.update_counter(&(), CounterOp::by(1)), Err(UpdateCounterError::Overflow));
            assert_eq!(table.update_counter(&(), CounterOp::by(1).threshold($integer::MAX, 3)), Ok(3));
            table.insert((), $integer::MIN + 1).unwrap();
            assert_eq!(table.update_counter(&(), CounterOp::by(-1)), Ok($integer::MIN));
            assert_eq!(table.update_counter(&(), CounterOp::by(-1)), Err(UpdateCounterError::Overflow));
            assert_eq!(table.update_counter(&(), CounterOp::by(-1).threshold($integer::MIN, 3)), Ok(3));
        )+};
    }
    check! { i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 }
}

#[test]
fn ets_093_a_default_stands_in_for_a_missing_row_alone() {
    let table = table();
    let default = Row { a: 100, b: 100 };
    assert_eq!(table.update_counter_or("new", default.clone(), a(1)), Ok(101));
    assert_eq!(table.lookup("new"), Ok(Some(Row { a: 101, b: 100 })));
    assert_eq!(table.update_counter_or("k", default.clone(), a(1)), Ok(6));
    assert_eq!(table.update_counters_or("list", default.clone(), &[a(1), b(2)]), Ok(vec![101, 102]));
    assert_eq!(table.update_counters_or("k", default.clone(), &[a(1), b(2)]), Ok(vec![7, 9]));
    assert_eq!(table.update_counters_or::<i64>("empty", default.clone(), &[]), Ok(vec![]));
    assert_eq!(table.lookup("empty"), Ok(Some(default)));
    assert_eq!(table.info().unwrap().size, 4);
    let ordered = OrderedSet::new().unwrap();
    assert_eq!(ordered.update_counter_or(1, 10_u64, CounterOp::by(1)), Ok(11));
    assert_eq!(ordered.update_counter_or(1, 10_u64, CounterOp::by(1)), Ok(12));
}

#[test]
fn ets_098_update_element_changes_several_fields_at_one_moment() {
    let table = table();
    let updated = table.update_element("k", |row| {
        row.a = 1;
        row.b = 2;
        row.a = 3;
    });
    assert_eq!(updated, Ok(true));
    assert_eq!(table.lookup("k"), Ok(Some(Row { a: 3, b: 2 })));
    assert_eq!(table.update_element("z", |row| row.a = 1), Ok(false));
    assert_eq!(table.member("z"), Ok(false));
    let ordered = OrderedSet::new().unwrap();
    ordered.insert(1, 1).unwrap();
    assert_eq!((ordered.update_element(&1, |n| *n = 5), ordered.lookup(&1)), (Ok(true), Ok(Some(5))));
}

#[test]
fn ets_099_update_element_without_a_change_says_whether_the_key_is_there() {
    assert_eq!(
        (table().update_element("k", |_| ()), table().update_element("z", |_| ())),
        (Ok(true), Ok(false))
    );
}

#[test]
fn ets_101_update_element_inserts_a_default_and_changes_it() {
    let table = table();
    table.update_element_or("new", Row { a: 1, b: 1 }, |row| row.b = 2).unwrap();
    table.update_element_or("k", Row { a: 1, b: 1 }, |row| row.b = 2).unwrap();
    assert_eq!(table.lookup("new"), Ok(Some(Row { a: 1, b: 2 })));
    assert_eq!(table.lookup("k"), Ok(Some(Row { a: 5, b: 2 })));
    let ordered = OrderedSet::new().unwrap();
    ordered.update_element_or(1, 1, |n| *n += 1).unwrap();
    ordered.update_element_or(1, 1, |n| *n += 1).unwrap();
    assert_eq!(ordered.lookup(&1), Ok(Some(3)));
}
