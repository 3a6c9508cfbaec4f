//! `insert`, `insert_all`, `insert_new`, `insert_all_new` and `init_table`.

use otp_ets::{Bag, DuplicateBag, OrderedSet, Set};

use crate::support::sorted;

#[test]
fn ets_012_insert_replaces_the_row_of_a_set() {
    let set = Set::new().unwrap();
    let ordered = OrderedSet::new().unwrap();
    for value in ["old", "new"] {
        set.insert(1, value).unwrap();
        ordered.insert(1, value).unwrap();
    }
    assert_eq!(set.to_vec(), Ok(vec![(1, "new")]));
    assert_eq!(ordered.to_vec(), Ok(vec![(1, "new")]));
}

#[test]
fn a_bag_keeps_each_row_once() {
    let bag = Bag::new().unwrap();
    bag.insert(1, "a").unwrap();
    bag.insert(1, "b").unwrap();
    bag.insert(1, "a").unwrap();
    assert_eq!(bag.lookup(&1), Ok(vec!["a", "b"]));
    bag.insert_all([(1, "c"), (1, "b"), (1, "c")]).unwrap();
    assert_eq!(bag.lookup(&1), Ok(vec!["a", "b", "c"]));
}

#[test]
fn ets_014_a_duplicate_bag_keeps_every_copy() {
    let bag = DuplicateBag::new().unwrap();
    bag.insert(1, "a").unwrap();
    bag.insert_all([(1, "a"), (1, "b"), (1, "a")]).unwrap();
    assert_eq!(bag.lookup(&1), Ok(vec!["a", "a", "b", "a"]));
}

#[test]
fn ets_017_the_rows_of_a_bag_are_the_same_if_their_values_are_equal() {
    #[derive(Debug, Clone, PartialEq)]
    enum Number {
        Whole(i64),
        Real(f64),
    }
    let bag = Bag::new().unwrap();
    bag.insert(1, Number::Whole(1)).unwrap();
    bag.insert(1, Number::Real(1.0)).unwrap();
    bag.insert(1, Number::Whole(1)).unwrap();
    assert_eq!(bag.lookup(&1), Ok(vec![Number::Whole(1), Number::Real(1.0)]));
}

#[test]
fn ets_020_of_rows_with_the_same_key_the_last_one_counts() {
    let set = Set::new().unwrap();
    let ordered = OrderedSet::new().unwrap();
    set.insert_all([(1, "a"), (2, "b"), (1, "c")]).unwrap();
    ordered.insert_all([(1, "a"), (2, "b"), (1, "c")]).unwrap();
    assert_eq!(sorted(set.to_vec().unwrap()), [(1, "c"), (2, "b")]);
    assert_eq!(ordered.to_vec().unwrap(), [(1, "c"), (2, "b")]);
    assert_eq!(set.info().unwrap().size, 2);
}

#[test]
fn ets_021_inserting_nothing_changes_nothing() {
    let set = Set::<u32, u32>::new().unwrap();
    set.insert(1, 1).unwrap();
    set.insert_all([]).unwrap();
    assert_eq!(set.insert_all_new([]), Ok(true));
    assert_eq!(set.to_vec(), Ok(vec![(1, 1)]));
}

#[test]
fn ets_022_insert_new_inserts_where_no_row_has_the_key() {
    let set = Set::new().unwrap();
    assert_eq!(set.insert_new(1, "a"), Ok(true));
    assert_eq!(set.insert_new(1, "b"), Ok(false));
    assert_eq!(set.lookup(&1), Ok(Some("a")));
    let ordered = OrderedSet::new().unwrap();
    assert_eq!(ordered.insert_new(1, "a"), Ok(true));
    assert_eq!(ordered.insert_new(1, "b"), Ok(false));
    assert_eq!(ordered.lookup(&1), Ok(Some("a")));
    let bag = Bag::new().unwrap();
    assert_eq!(bag.insert_new(1, "a"), Ok(true));
    assert_eq!(bag.insert_new(1, "b"), Ok(false));
    assert_eq!(bag.lookup(&1), Ok(vec!["a"]));
}

#[test]
fn ets_022_insert_all_new_inserts_all_or_nothing() {
    let set = Set::new().unwrap();
    let ordered = OrderedSet::new().unwrap();
    let bag = DuplicateBag::new().unwrap();
    set.insert(5, 0).unwrap();
    ordered.insert(5, 0).unwrap();
    bag.insert(5, 0).unwrap();
    let overlapping: Vec<_> = (0..100).map(|n| (n, 1)).collect();
    assert_eq!(set.insert_all_new(overlapping.clone()), Ok(false));
    assert_eq!(ordered.insert_all_new(overlapping.clone()), Ok(false));
    assert_eq!(bag.insert_all_new(overlapping), Ok(false));
    assert_eq!(set.to_vec(), Ok(vec![(5, 0)]));
    assert_eq!(ordered.to_vec(), Ok(vec![(5, 0)]));
    assert_eq!(bag.to_vec(), Ok(vec![(5, 0)]));
    let disjoint: Vec<_> = (10..100).map(|n| (n, 1)).collect();
    assert_eq!(set.insert_all_new(disjoint.clone()), Ok(true));
    assert_eq!(ordered.insert_all_new(disjoint.clone()), Ok(true));
    assert_eq!(bag.insert_all_new(disjoint), Ok(true));
    assert_eq!(set.info().unwrap().size, 91);
    assert_eq!(ordered.info().unwrap().size, 91);
    assert_eq!(bag.info().unwrap().size, 91);
}

#[test]
fn ets_022_keys_of_the_new_rows_may_repeat() {
    let bag = DuplicateBag::new().unwrap();
    assert_eq!(bag.insert_all_new([(2, 1), (2, 1)]), Ok(true));
    assert_eq!(bag.lookup(&2), Ok(vec![1, 1]));
    let bag = Bag::new().unwrap();
    assert_eq!(bag.insert_all_new([(2, 1), (2, 1)]), Ok(true));
    assert_eq!(bag.lookup(&2), Ok(vec![1]));
}

#[test]
fn ets_133_init_table_puts_other_rows_in_the_place_of_all() {
    let set = Set::new().unwrap();
    set.insert_all([(1, 1), (2, 2)]).unwrap();
    set.init_table([(2, 3), (4, 5)]).unwrap();
    assert_eq!(sorted(set.to_vec().unwrap()), [(2, 3), (4, 5)]);
}

#[test]
fn ets_133_a_source_that_panics_leaves_what_was_inserted() {
    let set = Set::new().unwrap();
    set.insert(9, 9).unwrap();
    let source = (0..5).map(|n| if n < 3 { (n, n) } else { panic!("the source is broken") });
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| set.init_table(source)));
    assert!(outcome.is_err());
    assert_eq!(sorted(set.to_vec().unwrap()), [(0, 0), (1, 1), (2, 2)]);
}

#[test]
fn a_table_whose_rows_are_all_replaced_stays_as_large_as_it_is() {
    let set = Set::new().unwrap();
    let bag = Bag::new().unwrap();
    set.insert_all((0..10_000).map(|n| (n, 'a'))).unwrap();
    bag.insert_all((0..10_000).map(|n| (n, 'a'))).unwrap();
    let (of_set, of_bag) = (set.info().unwrap().memory, bag.info().unwrap().memory);
    set.insert_all((0..10_000).map(|n| (n, 'b'))).unwrap();
    bag.insert_all((0..10_000).map(|n| (n, 'a'))).unwrap();
    assert_eq!(set.info().unwrap().memory, of_set);
    assert_eq!(bag.info().unwrap().memory, of_bag);
    // One new key among many old ones finds room all the same.
    set.insert_all((0..=10_000).map(|n| (n, 'c'))).unwrap();
    assert_eq!(set.info().unwrap().size, 10_001);
    assert_eq!(set.lookup(&10_000), Ok(Some('c')));
}
