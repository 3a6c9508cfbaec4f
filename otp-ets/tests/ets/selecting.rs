//! `select` and its kin, `query!`, ranges.

use std::cell::Cell;
use std::ops::Bound;

use otp_ets::{AccessError, Bag, DuplicateBag, OrderedSet, Set, query};

use crate::support::sorted;

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Circle { radius: i32 },
    Box(i32, i32),
}

fn shapes() -> OrderedSet<u32, Shape> {
    let table = OrderedSet::new().unwrap();
    let rows = [Shape::Circle { radius: 3 }, Shape::Box(2, 2), Shape::Box(2, 5), Shape::Circle { radius: 1 }];
    table.insert_all((1..).zip(rows)).unwrap();
    table
}

#[test]
fn ets_059_two_places_match_the_same_value_by_a_guard() {
    assert_eq!(shapes().select(query!((id, Shape::Box(a, b)) if a == b => *id)), Ok(vec![2]));
}

#[test]
fn ets_061_a_wildcard_matches_every_row() {
    assert_eq!(shapes().select_count(query!(_ => true)), Ok(4));
    assert_eq!(shapes().select(query!((id, _) => *id)), Ok(vec![1, 2, 3, 4]));
    assert_eq!(shapes().select(query!(row => *row.0)), Ok(vec![1, 2, 3, 4]));
}

#[test]
fn ets_064_the_first_clause_that_fits_decides() {
    let sizes = shapes().select(query!(
        (_, Shape::Circle { radius: 1 }) => "unit",
        (_, Shape::Circle { .. }) => "circle",
        (_, Shape::Box(_, h)) if *h > 3 => "tall",
    ));
    assert_eq!(sizes, Ok(vec!["circle", "tall", "unit"]));
}

#[test]
fn ets_069_a_clause_without_a_guard_fits_and_a_guard_is_a_bool() {
    let all = query!((_, Shape::Box(..)) => true);
    let none = query!((_, Shape::Box(..)) if false => true);
    assert_eq!((shapes().select_count(all), shapes().select_count(none)), (Ok(2), Ok(0)));
}

#[test]
fn ets_070_an_ordered_set_is_gone_over_in_the_order_of_its_keys() {
    let table = OrderedSet::new().unwrap();
    table.insert_all((0..2000).rev().map(|n| (n, n))).unwrap();
    let seen = std::cell::RefCell::new(Vec::new());
    let found = table.select(|key, _| {
        seen.borrow_mut().push(*key);
        (key % 2 == 0).then_some(*key)
    });
    assert_eq!(found.unwrap(), (0..2000).step_by(2).collect::<Vec<_>>());
    assert_eq!(seen.into_inner(), (0..2000).collect::<Vec<_>>());
}

#[test]
fn ets_071_a_range_looks_at_no_row_outside_it() {
    let table = OrderedSet::new().unwrap();
    table.insert_all((0..10_000).map(|n| ((n / 100, n % 100), n))).unwrap();
    let looked_at = Cell::new(0);
    let found = table.select_range((7, 0)..(8, 0), |_, n| {
        looked_at.set(looked_at.get() + 1);
        Some(*n)
    });
    assert_eq!(found.unwrap(), (700..800).collect::<Vec<_>>());
    assert_eq!(looked_at.get(), 100);
}

#[test]
fn ranges_have_every_kind_of_bound() {
    let table = OrderedSet::new().unwrap();
    table.insert_all((0..10).map(|n| (n, ()))).unwrap();
    let keys = |rows: Result<Vec<(i32, ())>, AccessError>| -> Vec<i32> {
        rows.unwrap().into_iter().map(|(key, ())| key).collect()
    };
    assert_eq!(keys(table.range(3..5)), [3, 4]);
    assert_eq!(keys(table.range(3..=5)), [3, 4, 5]);
    assert_eq!(keys(table.range(..2)), [0, 1]);
    assert_eq!(keys(table.range(8..)), [8, 9]);
    assert_eq!(keys(table.range::<i32>(..)).len(), 10);
    assert_eq!(keys(table.range((Bound::Excluded(3), Bound::Included(5)))), [4, 5]);
    assert_eq!(keys(table.range((Bound::Excluded(3), Bound::Excluded(3)))), []);
    assert_eq!(keys(table.range((Bound::Included(3), Bound::Included(3)))), [3]);
    assert_eq!(keys(table.range((Bound::Included(5), Bound::Included(3)))), []);
    assert_eq!(keys(table.range(20..)), []);
}

#[test]
fn a_prefix_finds_the_keys_that_begin_with_it() {
    let table = OrderedSet::new().unwrap();
    for key in ["", "a", "ab", "abc", "ac", "b"] {
        table.insert(key.to_owned(), key.len()).unwrap();
    }
    let keys = |prefix| -> Vec<usize> {
        table.prefix(prefix).unwrap().into_iter().map(|(_, length)| length).collect()
    };
    assert_eq!(keys("ab"), [2, 3]);
    assert_eq!(keys("").len(), 6);
    assert!(keys("abd").is_empty());
    assert_eq!(table.range::<str>((Bound::Included("ac"), Bound::Unbounded)).unwrap().len(), 2);
}

#[test]
fn ets_072_select_count_counts_what_is_true() {
    let count = shapes().select_count(query!(
        (_, Shape::Circle { radius: 1 }) => true,
        (_, Shape::Circle { .. }) => false,
    ));
    assert_eq!(count, Ok(1));
    assert_eq!(shapes().select_count(|id, _| *id > 1), Ok(3));
}

#[test]
fn ets_073_a_limit_gives_pages_and_none_at_the_end() {
    let table = OrderedSet::new().unwrap();
    table.insert_all((0..7).map(|n| (n, n))).unwrap();
    let mut pages = table.select_limit(3, |_, n| Some(*n)).unwrap();
    assert_eq!(pages.next_page(), Ok(Some(vec![0, 1, 2])));
    assert_eq!(pages.next_page(), Ok(Some(vec![3, 4, 5])));
    assert_eq!(pages.next_page(), Ok(Some(vec![6])));
    assert_eq!(pages.next_page(), Ok(None));
    let mut nothing = table.select_limit(3, |_, _| None::<()>).unwrap();
    assert_eq!(nothing.next_page(), Ok(None));
}

#[test]
#[should_panic(expected = "a page has room for one result at least")]
fn ets_073_a_limit_of_zero_is_a_bug() {
    let table = Set::<u32, u32>::new().unwrap();
    drop(table.select_limit(0, |_, _| None::<()>));
}

#[test]
fn ets_074_the_pages_together_are_what_select_gives() {
    let (set, bag) = (Set::new().unwrap(), DuplicateBag::new().unwrap());
    set.insert_all((0..1000).map(|n| (n, n))).unwrap();
    bag.insert_all((0..1000).map(|n| (n / 10, n))).unwrap();
    for limit in [1, 7, 1000, 5000] {
        let (mut found, mut of_bag) = (Vec::new(), Vec::new());
        let mut pages = set.select_limit(limit, |_, n| (n % 3 > 0).then_some(*n)).unwrap();
        while let Some(page) = pages.next_page().unwrap() {
            assert!(!page.is_empty() && page.len() <= limit);
            found.extend(page);
        }
        let mut pages = bag.select_limit(limit, |_, n| (n % 3 > 0).then_some(*n)).unwrap();
        while let Some(page) = pages.next_page().unwrap() {
            assert!(!page.is_empty() && page.len() <= limit);
            of_bag.extend(page);
        }
        let all: Vec<_> = (0..1000).filter(|n| n % 3 > 0).collect();
        assert_eq!((sorted(found), sorted(of_bag)), (all.clone(), all));
    }
}

#[test]
fn ets_078_select_reverse_begins_with_the_greatest_key() {
    let table = OrderedSet::new().unwrap();
    table.insert_all((0..1000).map(|n| (n, n))).unwrap();
    let even = |key: &i32, _: &i32| (key % 2 == 0).then_some(*key);
    let backwards: Vec<_> = (0..1000).rev().filter(|n| n % 2 == 0).collect();
    assert_eq!(table.select_reverse(even), Ok(backwards.clone()));
    let mut pages = table.select_reverse_limit(300, even).unwrap();
    assert_eq!(pages.next_page().unwrap().unwrap(), backwards[..300]);
    assert_eq!(pages.next_page().unwrap().unwrap(), backwards[300..]);
    assert_eq!(pages.next_page(), Ok(None));
}

#[test]
fn ets_079_pages_end_with_their_table() {
    let table = Set::new().unwrap();
    table.insert_all((0..1000).map(|n| (n, n))).unwrap();
    let mut pages = table.select_limit(5, |_, n| Some(*n)).unwrap();
    pages.next_page().unwrap();
    table.delete_table().unwrap();
    assert_eq!(pages.next_page(), Err(AccessError::Gone));
}

#[test]
fn ets_081_select_replace_puts_new_values_in_the_place_of_those_that_fit() {
    let table = shapes();
    let replaced = table.select_replace(query!(
        (_, Shape::Circle { radius }) => Shape::Box(*radius, *radius),
        (3, shape) => shape.clone(),
    ));
    assert_eq!(replaced, Ok(3));
    assert_eq!(
        table.select(query!((_, Shape::Box(a, b)) => (*a, *b))),
        Ok(vec![(3, 3), (2, 2), (2, 5), (1, 1)])
    );
    assert_eq!(table.info().unwrap().size, 4);
    let set = Set::new().unwrap();
    set.insert_all((0..1000).map(|n| (n, n))).unwrap();
    assert_eq!(set.select_replace(|_, n| (n % 2 == 0).then_some(n * 10)), Ok(500));
    assert_eq!(set.select_count(|key, n| *n == if key % 2 == 0 { key * 10 } else { *key }), Ok(1000));
}

#[test]
fn ets_082_the_rows_of_a_duplicate_bag_can_be_replaced() {
    // That those of a bag cannot stands in `tests/ui`.
    let bag = DuplicateBag::new().unwrap();
    bag.insert_all([(1, 1), (1, 2), (1, 3), (2, 2)]).unwrap();
    assert_eq!(bag.select_replace(|_, n| (*n == 2).then_some(9)), Ok(2));
    assert_eq!((bag.lookup(&1), bag.lookup(&2)), (Ok(vec![1, 9, 3]), Ok(vec![9])));
}

#[test]
fn ets_084_a_query_can_be_tried_on_a_row() {
    let query = query!((id, Shape::Circle { radius }) if *radius > 2 => id + 1);
    assert_eq!(query(&1, &Shape::Circle { radius: 3 }), Some(2));
    assert_eq!(query(&1, &Shape::Circle { radius: 2 }), None);
    assert_eq!(query(&1, &Shape::Box(1, 1)), None);
}

#[test]
fn selecting_in_a_bag_meets_every_row_of_a_key() {
    let bag = Bag::new().unwrap();
    bag.insert_all([(1, 1), (1, 2), (2, 3)]).unwrap();
    assert_eq!(sorted(bag.select(query!((1, n) => *n)).unwrap()), [1, 2]);
}
