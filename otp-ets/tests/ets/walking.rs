//! From key to key, folds, and `to_vec`.

use std::collections::BTreeSet;

use otp_ets::{AccessError, Bag, DuplicateBag, NextError, OrderedSet, Set};

use crate::support::{elsewhere, sorted};

#[test]
fn ets_040_first_and_next_visit_every_key_once() {
    let (set, bag, ordered) = (Set::new().unwrap(), Bag::new().unwrap(), OrderedSet::new().unwrap());
    assert_eq!((set.first(), bag.first(), ordered.first()), (Ok(None), Ok(None), Ok(None)));
    for n in 0..500 {
        set.insert(n, n).unwrap();
        bag.insert_all([(n, n), (n, n + 1)]).unwrap();
        ordered.insert((n * 7) % 500, n).unwrap();
    }
    let mut seen = Vec::new();
    let mut key = set.first().unwrap();
    while let Some(n) = key {
        seen.push(n);
        key = set.next(&n).unwrap();
    }
    assert_eq!(sorted(seen), (0..500).collect::<Vec<_>>());
    let mut seen = Vec::new();
    let mut key = bag.first().unwrap();
    while let Some(n) = key {
        seen.push(n);
        key = bag.next(&n).unwrap();
    }
    assert_eq!(sorted(seen), (0..500).collect::<Vec<_>>());
    let mut seen = Vec::new();
    let mut key = ordered.first().unwrap();
    while let Some(n) = key {
        seen.push(n);
        key = ordered.next(&n).unwrap();
    }
    assert_eq!(seen, (0..500).collect::<Vec<_>>());
}

#[test]
fn ets_040_a_table_without_order_goes_on_only_from_a_key_that_is_there() {
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    set.insert(1, ()).unwrap();
    ordered.insert_all([(1, ()), (3, ())]).unwrap();
    assert_eq!(set.next(&2), Err(NextError::NoSuchKey));
    assert_eq!(set.prev(&2), Err(NextError::NoSuchKey));
    assert_eq!((ordered.next(&2), ordered.prev(&2)), (Ok(Some(3)), Ok(Some(1))));
}

#[test]
fn ets_041_last_and_prev_go_backwards_where_there_is_an_order() {
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    set.insert_all((0..50).map(|n| (n, n))).unwrap();
    ordered.insert_all((0..50).map(|n| (n, n))).unwrap();
    let mut seen = Vec::new();
    let mut key = ordered.last().unwrap();
    while let Some(n) = key {
        seen.push(n);
        key = ordered.prev(&n).unwrap();
    }
    assert_eq!(seen, (0..50).rev().collect::<Vec<_>>());
    let first = set.first().unwrap().unwrap();
    assert_eq!(set.last(), Ok(Some(first)));
    assert_eq!(set.prev(&first), Ok(set.next(&first).unwrap()));
}

#[test]
fn ets_044_a_walk_meets_every_row_that_stays_once_whatever_happens_meanwhile() {
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    set.insert_all((0..2000).map(|n| (n, n))).unwrap();
    ordered.insert_all((0..2000).map(|n| (n, n))).unwrap();
    let (mut walk, mut ordered_walk) = (set.safe_fixtable().unwrap(), ordered.safe_fixtable().unwrap());
    let (mut seen, mut ordered_seen) = (Vec::new(), Vec::new());
    let mut new = 10_000;
    // Even keys stay; odd ones go, also the one that the walk stands at; others come, so that the tables grow.
    while let Some(key) = walk.next_key().unwrap() {
        seen.push(key);
        set.delete(&(key | 1)).unwrap();
        set.insert_all((new..new + 3).map(|n| (n, n))).unwrap();
        set.delete(&new).unwrap();
        new += 3;
        if new > 30_000 {
            break;
        }
    }
    while let Some(key) = walk.next_key().unwrap() {
        seen.push(key);
    }
    new = 10_000;
    while let Some(key) = ordered_walk.next_key().unwrap() {
        ordered_seen.push(key);
        ordered.delete(&(key | 1)).unwrap();
        if new < 30_000 {
            ordered.insert_all([(new, new)]).unwrap();
            new += 1;
        }
    }
    for seen in [seen, ordered_seen] {
        let even: Vec<_> = sorted(seen.iter().copied().filter(|key| *key < 2000 && key % 2 == 0).collect());
        assert_eq!(even, (0..2000).step_by(2).collect::<Vec<_>>());
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "a key came twice");
    }
}

#[test]
fn ets_045_what_comes_and_goes_during_a_walk_is_met_once_at_most() {
    let set = Set::new().unwrap();
    set.insert_all((0..500).map(|n| (n, n))).unwrap();
    let mut walk = set.safe_fixtable().unwrap();
    let mut seen = Vec::new();
    while let Some(key) = walk.next_key().unwrap() {
        seen.push(key);
        // What was met goes and comes back, and so does what was perhaps not met yet.
        for key in [key, 499 - key] {
            set.delete(&key).unwrap();
            set.insert(key, key).unwrap();
        }
    }
    let met = seen.len();
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), met);
}

#[test]
fn a_walk_does_not_meet_what_was_deleted_before_it_came_there() {
    let set = Set::new().unwrap();
    set.insert_all((0..500).map(|n| (n, n))).unwrap();
    let mut walk = set.safe_fixtable().unwrap();
    assert!(walk.next_key().unwrap().is_some());
    set.delete_all_objects().unwrap();
    assert_eq!(walk.next_key(), Ok(None));
}

#[test]
fn ets_051_a_single_call_over_all_rows_meets_each_once() {
    let (set, bag) = (Set::new().unwrap(), DuplicateBag::new().unwrap());
    set.insert_all((0..3000).map(|n| (n, ()))).unwrap();
    bag.insert_all((0..3000).map(|n| (n / 2, n))).unwrap();
    let all: Vec<_> = (0..3000).collect();
    assert_eq!(sorted(set.select(|key, ()| Some(*key)).unwrap()), all);
    assert_eq!(sorted(bag.select(|_, n| Some(*n)).unwrap()), all);
    let folded = set.foldl(Vec::new(), |mut keys, key, ()| {
        keys.push(*key);
        keys
    });
    assert_eq!(sorted(folded.unwrap()), all);
    assert_eq!(set.to_vec().unwrap().len(), 3000);
}

#[test]
fn ets_054_a_fold_over_nothing_gives_what_it_began_with() {
    let (set, ordered) = (Set::<u32, u32>::new().unwrap(), OrderedSet::<u32, u32>::new().unwrap());
    assert_eq!(set.foldl("start", |_, _, _| "other"), Ok("start"));
    assert_eq!(ordered.foldl("start", |_, _, _| "other"), Ok("start"));
    assert_eq!(ordered.foldr("start", |_, _, _| "other"), Ok("start"));
}

#[test]
fn folds_over_an_ordered_set_go_in_its_order_or_against_it() {
    let ordered = OrderedSet::new().unwrap();
    // More than are gone over under one lock, and a whole number of such pieces.
    for count in [1000, 1024] {
        ordered.init_table((0..count).map(|n| (n, n))).unwrap();
        let push = |mut keys: Vec<u32>, key: &u32, _: &u32| {
            keys.push(*key);
            keys
        };
        assert_eq!(ordered.foldl(Vec::new(), push).unwrap(), (0..count).collect::<Vec<_>>());
        assert_eq!(ordered.foldr(Vec::new(), push).unwrap(), (0..count).rev().collect::<Vec<_>>());
    }
}

#[test]
fn ets_055_the_rows_of_an_ordered_set_come_in_the_order_of_their_keys() {
    let ordered = OrderedSet::new().unwrap();
    for n in [5, 1, 4, 2, 3] {
        ordered.insert(n, n * 10).unwrap();
    }
    assert_eq!(ordered.to_vec().unwrap(), [(1, 10), (2, 20), (3, 30), (4, 40), (5, 50)]);
}

#[test]
fn ets_056_a_walk_gives_key_and_rows_in_one_step() {
    let (ordered, bag) = (OrderedSet::new().unwrap(), Bag::new().unwrap());
    ordered.insert_all([(1, "a"), (2, "b")]).unwrap();
    let mut walk = ordered.safe_fixtable().unwrap();
    assert_eq!(walk.next_lookup(), Ok(Some((1, "a"))));
    assert_eq!(walk.next_lookup(), Ok(Some((2, "b"))));
    assert_eq!(walk.next_lookup(), Ok(None));
    bag.insert_all([(1, "a"), (1, "b")]).unwrap();
    assert_eq!(bag.safe_fixtable().unwrap().next_lookup(), Ok(Some((1, vec!["a", "b"]))));
}

#[otp_core::test]
async fn ets_111_a_walk_needs_the_right_to_read() {
    let table = Set::<u32, u32>::builder().private().create().unwrap();
    assert!(table.safe_fixtable().is_ok());
    let walk = table.safe_fixtable().unwrap();
    let outcome = elsewhere(move || (table.safe_fixtable().err(), { walk }.next_key())).await;
    assert_eq!(outcome, (Some(AccessError::Denied), Err(AccessError::Denied)));
}
