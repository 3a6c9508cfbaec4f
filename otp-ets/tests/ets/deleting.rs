//! `delete`, `delete_object`, `delete_all_objects`, `select_delete`.

use otp_ets::{Bag, DuplicateBag, OrderedSet, Set, query, whereis};

use crate::support::{sorted, unique_name};

#[test]
fn ets_033_delete_removes_all_rows_of_a_key_if_there_are_any() {
    let (set, ordered, bag) = (Set::new().unwrap(), OrderedSet::new().unwrap(), Bag::new().unwrap());
    let rows = [(1, 1), (1, 2), (2, 1)];
    set.insert_all(rows).unwrap();
    ordered.insert_all(rows).unwrap();
    bag.insert_all(rows).unwrap();
    assert_eq!((set.delete(&1), set.delete(&1)), (Ok(true), Ok(false)));
    assert_eq!((ordered.delete(&1), ordered.delete(&1)), (Ok(true), Ok(false)));
    assert_eq!((bag.delete(&1), bag.delete(&1)), (Ok(true), Ok(false)));
    assert_eq!(set.to_vec(), Ok(vec![(2, 1)]));
    assert_eq!(ordered.to_vec(), Ok(vec![(2, 1)]));
    assert_eq!(bag.to_vec(), Ok(vec![(2, 1)]));
}

#[test]
fn ets_034_delete_object_removes_equal_rows_and_keeps_the_others_in_order() {
    let bag = DuplicateBag::new().unwrap();
    bag.insert_all([(1, "a"), (1, "b"), (1, "a"), (1, "c"), (2, "a")]).unwrap();
    assert_eq!(bag.delete_object(&1, &"a"), Ok(2));
    assert_eq!(bag.lookup(&1), Ok(vec!["b", "c"]));
    assert_eq!(bag.lookup(&2), Ok(vec!["a"]));
    assert_eq!(bag.delete_object(&1, &"z"), Ok(0));
    assert_eq!(bag.delete_object(&3, &"a"), Ok(0));
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    set.insert(1, "a").unwrap();
    ordered.insert(1, "a").unwrap();
    assert_eq!((set.delete_object(&1, &"b"), set.delete_object(&2, &"a")), (Ok(false), Ok(false)));
    assert_eq!(ordered.delete_object(&1, &"b"), Ok(false));
    assert_eq!((set.member(&1), ordered.member(&1)), (Ok(true), Ok(true)));
    assert_eq!((set.delete_object(&1, &"a"), ordered.delete_object(&1, &"a")), (Ok(true), Ok(true)));
    assert_eq!((set.member(&1), ordered.member(&1)), (Ok(false), Ok(false)));
}

#[test]
fn ets_036_delete_all_objects_leaves_an_empty_table_with_its_name() {
    let name = unique_name();
    let set = Set::builder().name(name.clone()).create().unwrap();
    // Enough that they are freed elsewhere.
    set.insert_all((0..20_000).map(|n| (n, n))).unwrap();
    set.delete_all_objects().unwrap();
    assert_eq!(set.to_vec(), Ok(vec![]));
    assert_eq!(whereis(&name), Some(set.id()));
    set.insert(1, 1).unwrap();
    assert_eq!(set.to_vec(), Ok(vec![(1, 1)]));
    let ordered = OrderedSet::new().unwrap();
    ordered.insert(1, 1).unwrap();
    ordered.delete_all_objects().unwrap();
    assert_eq!(ordered.to_vec(), Ok(vec![]));
    ordered.insert(2, 2).unwrap();
    assert_eq!(ordered.to_vec(), Ok(vec![(2, 2)]));
}

#[test]
fn ets_037_what_a_pattern_fits_is_deleted() {
    let rows: Vec<(u32, u32)> = (0..1000).map(|n| (n, n % 3)).collect();
    let left: Vec<(u32, u32)> = rows.iter().copied().filter(|row| row.1 != 1).collect();
    let (set, ordered, bag) = (Set::new().unwrap(), OrderedSet::new().unwrap(), Bag::new().unwrap());
    set.insert_all(rows.clone()).unwrap();
    ordered.insert_all(rows.clone()).unwrap();
    bag.insert_all(rows).unwrap();
    assert_eq!(set.select_delete(query!((_, 1) => true)), Ok(333));
    assert_eq!(ordered.select_delete(query!((_, 1) => true)), Ok(333));
    assert_eq!(bag.select_delete(query!((_, 1) => true)), Ok(333));
    assert_eq!(sorted(set.to_vec().unwrap()), left);
    assert_eq!(ordered.to_vec().unwrap(), left);
    assert_eq!(sorted(bag.to_vec().unwrap()), left);
}

#[test]
fn ets_037_a_bag_loses_the_rows_that_fit_and_no_others_of_their_key() {
    let bag = DuplicateBag::new().unwrap();
    bag.insert_all([(1, 1), (1, 2), (1, 1), (1, 3), (2, 1)]).unwrap();
    assert_eq!(bag.select_delete(|_, n| *n == 1), Ok(3));
    assert_eq!(bag.lookup(&1), Ok(vec![2, 3]));
    assert_eq!(bag.member(&2), Ok(false));
    assert_eq!(bag.info().unwrap().size, 2);
}

#[test]
fn ranges_are_deleted_at_one_moment() {
    let ordered = OrderedSet::new().unwrap();
    ordered.insert_all((0..10).map(|n| (n, n))).unwrap();
    assert_eq!(ordered.delete_range(3..=7), Ok(5));
    assert_eq!(ordered.delete_range(100..), Ok(0));
    #[expect(clippy::reversed_empty_ranges, reason = "a range that has no place for a key")]
    let backwards = 9..0;
    assert_eq!(ordered.delete_range(backwards), Ok(0));
    assert_eq!(ordered.select(|key, _| Some(*key)), Ok(vec![0, 1, 2, 8, 9]));
}
