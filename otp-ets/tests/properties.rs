//! Random scripts on each type of table do what a plain model of ETS's rules says.

use std::collections::BTreeMap;

use otp_ets::{Bag, CounterOp, DuplicateBag, OrderedSet, Set, UpdateCounterError};
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{collection, proptest};

/// Few keys and values, so that they meet.
const KEYS: u8 = 12;
const VALUES: u8 = 4;

#[derive(Debug, Clone)]
enum Op {
    Insert(u8, u8),
    InsertNew(u8, u8),
    InsertAll(Vec<(u8, u8)>),
    InsertAllNew(Vec<(u8, u8)>),
    Lookup(u8),
    Member(u8),
    Take(u8),
    Delete(u8),
    DeleteObject(u8, u8),
    DeleteAll,
    /// Of the rows with this value.
    SelectDelete(u8),
    /// By the next value, of the rows with this one.
    SelectReplace(u8),
    SelectCount(u8),
    Pages(usize),
    UpdateElement(u8, u8),
    UpdateCounter(u8, i8),
    UpdateCounterOr(u8, u8, i8),
    UpdateCounters(u8, Vec<(i8, Option<(u8, u8)>)>),
    /// Many keys at once, so that the tables grow.
    Grow(u16),
    Shrink,
}

fn ops() -> impl Strategy<Value = Op> {
    let (key, value) = (0..KEYS, 0..VALUES);
    let row = (0..KEYS, 0..VALUES);
    let rows = collection::vec(row.clone(), 0..6);
    let threshold = proptest::option::of((any::<u8>(), any::<u8>()));
    prop_oneof![
        4 => row.clone().prop_map(|(k, v)| Op::Insert(k, v)),
        2 => row.clone().prop_map(|(k, v)| Op::InsertNew(k, v)),
        3 => rows.clone().prop_map(Op::InsertAll),
        2 => rows.prop_map(Op::InsertAllNew),
        1 => key.clone().prop_map(Op::Lookup),
        1 => key.clone().prop_map(Op::Member),
        2 => key.clone().prop_map(Op::Take),
        2 => key.clone().prop_map(Op::Delete),
        2 => row.clone().prop_map(|(k, v)| Op::DeleteObject(k, v)),
        1 => proptest::prelude::Just(Op::DeleteAll),
        1 => value.clone().prop_map(Op::SelectDelete),
        1 => value.clone().prop_map(Op::SelectReplace),
        1 => value.prop_map(Op::SelectCount),
        1 => (1..9_usize).prop_map(Op::Pages),
        1 => row.clone().prop_map(|(k, v)| Op::UpdateElement(k, v)),
        1 => (key.clone(), any::<i8>()).prop_map(|(k, by)| Op::UpdateCounter(k, by)),
        1 => (row, any::<i8>()).prop_map(|((k, v), by)| Op::UpdateCounterOr(k, v, by)),
        1 => (key, collection::vec((any::<i8>(), threshold), 0..4))
            .prop_map(|(k, ops)| Op::UpdateCounters(k, ops)),
        1 => (50..300_u16).prop_map(Op::Grow),
        1 => proptest::prelude::Just(Op::Shrink),
    ]
}

/// What a counter of 8 bits comes to, by mathematics.
fn counted(value: u8, by: i8, threshold: Option<(u8, u8)>) -> Option<u8> {
    let sum = i32::from(value) + i32::from(by);
    match threshold {
        Some((limit, set)) if by >= 0 && sum > i32::from(limit) => Some(set),
        Some((limit, set)) if by < 0 && sum < i32::from(limit) => Some(set),
        _ => u8::try_from(sum).ok(),
    }
}

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort();
    rows
}

/// One step of the operations that all types have, on `$table` and on `$model`, whose rows are a map from keys to values
/// in the order of insertion.
macro_rules! common {
    ($table:ident, $model:ident, $op:ident, $put:expr, $lookup:expr) => {
        match $op.clone() {
            Op::Insert(k, v) => {
                $put(&mut $model, k.into(), v);
                $table.insert(k.into(), v).unwrap();
            }
            Op::InsertNew(k, v) => {
                let new = !$model.contains_key(&k.into());
                if new {
                    $put(&mut $model, k.into(), v);
                }
                assert_eq!($table.insert_new(k.into(), v), Ok(new));
            }
            Op::InsertAll(rows) => {
                rows.iter().for_each(|(k, v)| $put(&mut $model, (*k).into(), *v));
                $table.insert_all(rows.into_iter().map(|(k, v)| (k.into(), v))).unwrap();
            }
            Op::InsertAllNew(rows) => {
                let new = rows.iter().all(|(k, _)| !$model.contains_key(&(*k).into()));
                if new {
                    rows.iter().for_each(|(k, v)| $put(&mut $model, (*k).into(), *v));
                }
                assert_eq!($table.insert_all_new(rows.into_iter().map(|(k, v)| (k.into(), v))), Ok(new));
            }
            Op::Lookup(k) => {
                let expected = $model.get(&k.into()).cloned().unwrap_or_default();
                assert_eq!($lookup($table.lookup(&k.into()).unwrap()), expected);
            }
            Op::Member(k) => {
                assert_eq!($table.member(&k.into()), Ok($model.contains_key(&k.into())));
            }
            Op::Take(k) => {
                let expected = $model.remove(&k.into()).unwrap_or_default();
                assert_eq!($lookup($table.take(&k.into()).unwrap()), expected);
            }
            Op::Delete(k) => {
                assert_eq!($table.delete(&k.into()), Ok($model.remove(&k.into()).is_some()));
            }
            Op::DeleteAll => {
                $model.clear();
                $table.delete_all_objects().unwrap();
            }
            Op::SelectDelete(v) => {
                let before: usize = $model.values().map(Vec::len).sum();
                $model.values_mut().for_each(|values| values.retain(|there| *there != v));
                $model.retain(|_, values| !values.is_empty());
                let after: usize = $model.values().map(Vec::len).sum();
                assert_eq!($table.select_delete(|_, there| *there == v), Ok(before - after));
            }
            Op::SelectCount(v) => {
                let count = $model.values().flatten().filter(|there| **there == v).count();
                assert_eq!($table.select_count(|_, there| *there == v), Ok(count));
            }
            Op::Pages(limit) => {
                let mut pages = $table.select_limit(limit, |k, v| (*v > 0).then_some((*k, *v))).unwrap();
                let mut found = Vec::new();
                while let Some(page) = pages.next_page().unwrap() {
                    assert!(!page.is_empty() && page.len() <= limit);
                    found.extend(page);
                }
                let rows = $model.iter().flat_map(|(k, values)| values.iter().map(|v| (*k, *v)));
                assert_eq!(sorted(found), sorted(rows.filter(|(_, v)| *v > 0).collect::<Vec<_>>()));
            }
            Op::Grow(count) => {
                (100..100 + count).for_each(|k| $put(&mut $model, k, 0));
                $table.insert_all((100..100 + count).map(|k| (k, 0))).unwrap();
            }
            Op::Shrink => {
                $model.retain(|k, _| *k < 100 || *k % 16 == 0);
                $table.select_delete(|k, _| *k >= 100 && *k % 16 != 0).unwrap();
            }
            _ => {}
        }
    };
}

type Model = BTreeMap<u16, Vec<u8>>;

/// After each step: the rows, the size, and a walk.
macro_rules! compare {
    ($table:ident, $model:ident) => {
        let rows: Vec<(u16, u8)> =
            $model.iter().flat_map(|(k, values)| values.iter().map(|v| (*k, *v))).collect();
        assert_eq!($table.info().unwrap().size, rows.len());
        let mut walk = $table.safe_fixtable().unwrap();
        let mut keys = Vec::new();
        while let Some(key) = walk.next_key().unwrap() {
            keys.push(key);
        }
        assert_eq!(sorted(keys), $model.keys().copied().collect::<Vec<_>>());
        assert_eq!(sorted($table.to_vec().unwrap()), sorted(rows));
    };
}

macro_rules! check_unique {
    ($table:ident, $ops:ident) => {{
        let table = $table::<u16, u8>::new().unwrap();
        let mut model = Model::new();
        let put = |model: &mut Model, k: u16, v: u8| drop(model.insert(k, vec![v]));
        let lookup = |found: Option<u8>| found.into_iter().collect::<Vec<_>>();
        for op in &$ops {
            common!(table, model, op, put, lookup);
            match op.clone() {
                Op::DeleteObject(k, v) => {
                    let there = model.get(&k.into()).is_some_and(|values| values[0] == v);
                    if there {
                        model.remove(&k.into());
                    }
                    assert_eq!(table.delete_object(&k.into(), &v), Ok(there));
                }
                Op::SelectReplace(v) => {
                    let fits: Vec<_> = model.values_mut().filter(|values| values[0] == v).collect();
                    let count = fits.len();
                    fits.into_iter().for_each(|values| values[0] = v + 1);
                    assert_eq!(table.select_replace(|_, there| (*there == v).then_some(v + 1)), Ok(count));
                }
                Op::UpdateElement(k, v) => {
                    let there = model.get_mut(&k.into()).map(|values| values[0] = v).is_some();
                    assert_eq!(table.update_element(&k.into(), |there| *there = v), Ok(there));
                }
                Op::UpdateCounter(k, by) => {
                    let expected = match model.get(&k.into()) {
                        None => Err(UpdateCounterError::NoSuchKey),
                        Some(values) => counted(values[0], by, None).ok_or(UpdateCounterError::Overflow),
                    };
                    if let Ok(sum) = expected {
                        put(&mut model, k.into(), sum);
                    }
                    assert_eq!(table.update_counter(&k.into(), CounterOp::by(by.into())), expected);
                }
                Op::UpdateCounterOr(k, default, by) => {
                    let value = model.get(&k.into()).map_or(default, |values| values[0]);
                    let expected = counted(value, by, None).ok_or(UpdateCounterError::Overflow);
                    if let Ok(sum) = expected {
                        put(&mut model, k.into(), sum);
                    }
                    let op = CounterOp::by(by.into());
                    assert_eq!(table.update_counter_or(k.into(), default, op), expected);
                }
                Op::UpdateCounters(k, steps) => {
                    let mut value = model.get(&k.into()).map(|values| values[0]);
                    let there = value.is_some();
                    let sums: Option<Vec<u8>> = steps
                        .iter()
                        .map(|(by, threshold)| {
                            value = counted(value?, *by, *threshold);
                            value
                        })
                        .collect();
                    let expected = match (there, sums) {
                        (false, _) => Err(UpdateCounterError::NoSuchKey),
                        (true, None) => Err(UpdateCounterError::Overflow),
                        (true, Some(sums)) => Ok(sums),
                    };
                    if let Ok(Some(sum)) = expected.as_ref().map(|sums| sums.last()) {
                        put(&mut model, k.into(), *sum);
                    }
                    let ops: Vec<_> = steps
                        .iter()
                        .map(|(by, threshold)| {
                            let op = CounterOp::by((*by).into());
                            threshold.map_or(op, |(limit, set)| op.threshold(limit, set))
                        })
                        .collect();
                    assert_eq!(table.update_counters(&k.into(), &ops), expected);
                }
                _ => {}
            }
            compare!(table, model);
        }
        (table, model)
    }};
}

macro_rules! check_bag {
    ($table:ident, $ops:ident, $takes:expr) => {{
        let table = $table::<u16, u8>::new().unwrap();
        let mut model = Model::new();
        let put = |model: &mut Model, k: u16, v: u8| {
            let values = model.entry(k).or_default();
            if $takes(&values, v) {
                values.push(v);
            }
        };
        let lookup = |found: Vec<u8>| found;
        for op in &$ops {
            common!(table, model, op, put, lookup);
            if let Op::DeleteObject(k, v) = op.clone() {
                let before = model.get(&k.into()).map_or(0, Vec::len);
                model.entry(k.into()).or_default().retain(|there| *there != v);
                let after = model.get(&k.into()).map_or(0, Vec::len);
                model.retain(|_, values| !values.is_empty());
                assert_eq!(table.delete_object(&k.into(), &v), Ok(before - after));
            }
            compare!(table, model);
        }
        (table, model)
    }};
}

proptest! {
    #[test]
    fn a_set_does_what_the_model_does(ops in collection::vec(ops(), 0..60)) {
        let (table, model) = check_unique!(Set, ops);
        // First and next meet every key while nobody writes.
        let (mut keys, mut key) = (Vec::new(), table.first().unwrap());
        while let Some(k) = key {
            keys.push(k);
            key = table.next(&k).unwrap();
        }
        assert_eq!(sorted(keys), model.keys().copied().collect::<Vec<_>>());
    }

    #[test]
    fn an_ordered_set_does_what_the_model_does(
        ops in collection::vec(ops(), 0..60),
        from in 0..400_u16,
        to in 0..400_u16,
    ) {
        let (table, model) = check_unique!(OrderedSet, ops);
        let rows: Vec<(u16, u8)> = model.iter().map(|(k, v)| (*k, v[0])).collect();
        assert_eq!(table.to_vec().unwrap(), rows);
        let within: Vec<_> = rows.iter().copied().filter(|(k, _)| (from..to).contains(k)).collect();
        assert_eq!(table.range(from..to).unwrap(), within);
        let reversed: Vec<_> = rows.iter().rev().map(|(k, _)| *k).collect();
        assert_eq!(table.select_reverse(|k, _| Some(*k)).unwrap(), reversed);
        assert_eq!(table.next(&from), Ok(model.range(from + 1..).next().map(|(k, _)| *k)));
        assert_eq!(table.prev(&from), Ok(model.range(..from).next_back().map(|(k, _)| *k)));
        assert_eq!(table.delete_range(from..to), Ok(within.len()));
        assert_eq!(table.info().unwrap().size, rows.len() - within.len());
    }

    #[test]
    fn a_bag_does_what_the_model_does(ops in collection::vec(ops(), 0..60)) {
        check_bag!(Bag, ops, |values: &Vec<u8>, v: u8| !values.contains(&v));
    }

    #[test]
    fn a_duplicate_bag_does_what_the_model_does(ops in collection::vec(ops(), 0..60)) {
        let (table, mut model) = check_bag!(DuplicateBag, ops, |_: &Vec<u8>, _| true);
        // Values keep their order.
        for (key, values) in &model {
            assert_eq!(table.lookup(key).unwrap(), *values);
        }
        let twos = model.values_mut().flatten().filter(|v| **v == 2).count();
        assert_eq!(table.select_replace(|_, v| (*v == 2).then_some(9)), Ok(twos));
        assert_eq!(table.select_count(|_, v| *v == 9), Ok(twos));
    }
}
