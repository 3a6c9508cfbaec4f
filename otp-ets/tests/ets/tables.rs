//! Making, naming, finding, renaming and deleting tables, and what is known of them.

use std::ops::Bound;

use otp_core::process;
use otp_ets::{
    AccessError, Bag, CreateError, DuplicateBag, NextError, OrderedSet, Protection, RenameError, Set,
    TableType, UpdateCounterError, WhereisError, all, info, whereis,
};

use crate::support::{elsewhere, ended, staying, unique_name};

#[otp_core::test]
async fn ets_001_a_table_is_protected_unnamed_and_without_heir_unless_told_otherwise() {
    let table = Set::<u32, u32>::new().unwrap();
    let info = table.info().unwrap();
    assert_eq!(info.table_type, TableType::Set);
    assert_eq!(info.protection, Protection::Protected);
    assert_eq!((info.name, info.heir), (None, None));
    assert_eq!(info.owner, process::current());
}

#[test]
fn ets_002_two_unnamed_tables_are_two() {
    let (one, other) = (Set::<u32, u32>::new().unwrap(), Set::<u32, u32>::new().unwrap());
    assert_ne!(one.id(), other.id());
    one.insert(1, 1).unwrap();
    assert_eq!(other.lookup(&1), Ok(None));
}

#[test]
fn ets_003_a_name_leads_to_one_table() {
    let name = unique_name();
    let table = Set::<u32, u32>::builder().name(name.clone()).create().unwrap();
    assert_eq!(Bag::<u32, u32>::builder().name(name.clone()).create().err(), Some(CreateError::NameTaken));
    Set::<u32, u32>::whereis(&name).unwrap().insert(1, 2).unwrap();
    assert_eq!(table.lookup(&1), Ok(Some(2)));
    assert_eq!(Set::<u32, u64>::whereis(&name).err(), Some(WhereisError::WrongType));
    assert_eq!(OrderedSet::<u32, u32>::whereis(&name).err(), Some(WhereisError::WrongType));
}

#[test]
fn ets_003_the_type_of_a_bag_is_told_apart() {
    let name = unique_name();
    let _table = Bag::<u32, u32>::builder().name(name.clone()).create().unwrap();
    assert_eq!(DuplicateBag::<u32, u32>::whereis(&name).err(), Some(WhereisError::WrongType));
}

#[otp_core::test]
async fn ets_005_a_table_outlives_its_handles_and_not_its_owner() {
    let name = unique_name();
    let (owner, id) = staying({
        let name = name.clone();
        move || Set::<u32, u32>::builder().name(name).public().create().unwrap().id()
    })
    .await;
    assert!(info(id).is_some());
    let table = Set::<u32, u32>::whereis(&name).unwrap();
    table.insert(1, 1).unwrap();
    owner.send(());
    ended(owner.pid()).await;
    assert_eq!(info(id), None);
    assert_eq!(table.lookup(&1), Err(AccessError::Gone));
}

#[test]
fn a_table_made_outside_any_process_lives_as_long_as_its_handles() {
    let name = unique_name();
    let table = Set::<u32, u32>::builder().name(name.clone()).create().unwrap();
    let info = table.info().unwrap();
    assert_eq!((info.owner, info.protection), (None, Protection::Public));
    let other = table.clone();
    drop(table);
    assert_eq!(whereis(&name), Some(other.id()));
    let id = other.id();
    drop(other);
    assert_eq!(whereis(&name), None);
    assert_eq!(otp_ets::info(id), None);
    assert!(!all().contains(&id));
}

#[test]
fn a_table_without_an_owner_is_public() {
    let private = Set::<u32, u32>::builder().private().create();
    assert_eq!(private.err(), Some(CreateError::NoOwner));
    assert!(Set::<u32, u32>::builder().public().create().is_ok());
}

#[test]
fn ets_007_whereis_finds_what_deleting_by_handle_frees() {
    let name = unique_name();
    assert_eq!(whereis(&name), None);
    assert_eq!(Set::<u32, u32>::whereis(&name).err(), Some(WhereisError::NotRegistered));
    let table = Set::<u32, u32>::builder().name(name.clone()).create().unwrap();
    assert_eq!(whereis(&name), Some(table.id()));
    table.delete_table().unwrap();
    assert_eq!(whereis(&name), None);
}

#[otp_core::test]
async fn ets_008_a_name_is_free_at_once_after_delete() {
    let name = unique_name();
    let table = Set::<u32, u32>::builder().name(name.clone()).create().unwrap();
    table.insert_all((0..50_000).map(|n| (n, n))).unwrap();
    table.delete_table().unwrap();
    let size =
        elsewhere(move || Set::<u32, u32>::builder().name(name).create().unwrap().info().unwrap().size).await;
    assert_eq!(size, 0);
}

#[test]
fn ets_009_a_deleted_table_refuses_everything() {
    use otp_ets::CounterOp;
    let table = OrderedSet::<u32, u32>::new().unwrap();
    table.insert(1, 1).unwrap();
    let mut walk = table.safe_fixtable().unwrap();
    let handle = table.clone();
    table.delete_table().unwrap();
    assert_eq!(handle.insert(1, 1), Err(AccessError::Gone));
    assert_eq!(handle.insert_new(1, 1), Err(AccessError::Gone));
    assert_eq!(handle.insert_all([(1, 1)]), Err(AccessError::Gone));
    assert_eq!(handle.insert_all_new([(1, 1)]), Err(AccessError::Gone));
    assert_eq!(handle.lookup(&1), Err(AccessError::Gone));
    assert_eq!(handle.member(&1), Err(AccessError::Gone));
    assert_eq!(handle.take(&1), Err(AccessError::Gone));
    assert_eq!(handle.delete(&1), Err(AccessError::Gone));
    assert_eq!(handle.delete_object(&1, &1), Err(AccessError::Gone));
    assert_eq!(handle.delete_all_objects(), Err(AccessError::Gone));
    assert_eq!(handle.init_table([(1, 1)]), Err(AccessError::Gone));
    assert_eq!(handle.to_vec(), Err(AccessError::Gone));
    assert_eq!(handle.foldl(0, |sum, _, n| sum + n), Err(AccessError::Gone));
    assert_eq!(handle.foldr(0, |sum, _, n| sum + n), Err(AccessError::Gone));
    assert_eq!(handle.select(|_, n| Some(*n)), Err(AccessError::Gone));
    assert_eq!(handle.select_reverse(|_, n| Some(*n)), Err(AccessError::Gone));
    assert_eq!(handle.select_count(|_, _| true), Err(AccessError::Gone));
    assert_eq!(handle.select_delete(|_, _| true), Err(AccessError::Gone));
    assert_eq!(handle.select_replace(|_, n| Some(*n)), Err(AccessError::Gone));
    assert_eq!(handle.range(0..9), Err(AccessError::Gone));
    assert_eq!(handle.delete_range(0..9), Err(AccessError::Gone));
    assert_eq!(handle.first(), Err(AccessError::Gone));
    assert_eq!(handle.last(), Err(AccessError::Gone));
    assert_eq!(handle.next(&1), Err(NextError::Gone));
    assert_eq!(handle.prev(&1), Err(NextError::Gone));
    assert_eq!(walk.next_key(), Err(AccessError::Gone));
    assert_eq!(handle.update_element(&1, |n| *n += 1), Err(AccessError::Gone));
    assert_eq!(handle.update_element_or(1, 1, |n| *n += 1), Err(AccessError::Gone));
    assert_eq!(handle.update_counter(&1, CounterOp::by(1)), Err(UpdateCounterError::Gone));
    assert_eq!(handle.update_counter_or(1, 1, CounterOp::by(1)), Err(UpdateCounterError::Gone));
    assert_eq!(handle.rename("new"), Err(RenameError::Gone));
    assert_eq!(handle.delete_table(), Err(AccessError::Gone));
    assert_eq!(handle.info(), None);
}

#[test]
fn ets_009_a_deleted_set_or_bag_refuses_everything() {
    let set = Set::<u32, u32>::new().unwrap();
    let bag = Bag::<u32, u32>::new().unwrap();
    set.delete_table().unwrap();
    bag.delete_table().unwrap();
    assert_eq!(set.insert(1, 1), Err(AccessError::Gone));
    assert_eq!(set.insert_all([(1, 1)]), Err(AccessError::Gone));
    assert_eq!(set.lookup(&1), Err(AccessError::Gone));
    assert_eq!(set.to_vec(), Err(AccessError::Gone));
    assert_eq!(set.select_count(|_, _| true), Err(AccessError::Gone));
    assert_eq!(set.next(&1), Err(NextError::Gone));
    assert_eq!(bag.insert(1, 1), Err(AccessError::Gone));
    assert_eq!(bag.lookup(&1), Err(AccessError::Gone));
    assert_eq!(bag.delete_object(&1, &1), Err(AccessError::Gone));
    assert_eq!(bag.select_delete(|_, _| true), Err(AccessError::Gone));
}

#[test]
fn ets_009_a_deleted_table_refuses_what_would_look_at_no_row() {
    let set = Set::<u32, u32>::new().unwrap();
    let ordered = OrderedSet::<u32, u32>::new().unwrap();
    set.delete_table().unwrap();
    ordered.delete_table().unwrap();
    assert_eq!(set.insert_all([]), Err(AccessError::Gone));
    assert_eq!(set.insert_all_new([]), Err(AccessError::Gone));
    assert_eq!(set.safe_fixtable().err(), Some(AccessError::Gone));
    assert_eq!(set.select_limit(1, |_, n| Some(*n)).err(), Some(AccessError::Gone));
    assert_eq!(set.delete_table(), Err(AccessError::Gone));
    let nothing = (Bound::Included(2), Bound::Excluded(1));
    assert_eq!(ordered.range(nothing), Err(AccessError::Gone));
    assert_eq!(ordered.delete_range(nothing), Err(AccessError::Gone));
    assert_eq!(ordered.select_reverse_limit(1, |_, n| Some(*n)).err(), Some(AccessError::Gone));
}

#[test]
fn ets_010_rename_moves_the_name() {
    let (old, new, taken) = (unique_name(), unique_name(), unique_name());
    let table = Set::<u32, u32>::builder().name(old.clone()).create().unwrap();
    let other = Set::<u32, u32>::builder().name(taken.clone()).create().unwrap();
    assert_eq!(table.rename(taken.clone()), Err(RenameError::NameTaken));
    assert_eq!(whereis(&old), Some(table.id()));
    assert_eq!(whereis(&taken), Some(other.id()));
    table.rename(new.clone()).unwrap();
    assert_eq!(whereis(&old), None);
    assert_eq!(whereis(&new), Some(table.id()));
    assert_eq!(table.info().unwrap().name, Some(new.clone()));
    drop(table);
    assert_eq!(whereis(&new), None);
}

#[test]
fn ets_010_a_table_without_a_name_has_none_to_change() {
    let table = Set::<u32, u32>::new().unwrap();
    assert_eq!(table.rename(unique_name()), Err(RenameError::Unnamed));
}

#[test]
fn ets_011_all_has_what_was_made_and_not_what_was_deleted() {
    let (made, deleted) = (Set::<u32, u32>::new().unwrap(), Bag::<u32, u32>::new().unwrap());
    deleted.delete_table().unwrap();
    assert!(all().contains(&made.id()));
    assert!(!all().contains(&deleted.id()));
}

#[otp_core::test]
async fn ets_122_info_says_what_a_table_is() {
    let name = unique_name();
    let table = DuplicateBag::<u64, u64>::builder().name(name.clone()).private().create().unwrap();
    let empty = table.info().unwrap();
    table.insert_all((0..1000).map(|n| (n, n))).unwrap();
    let info = table.info().unwrap();
    assert_eq!(info.id, table.id());
    assert_eq!(info.name, Some(name));
    assert_eq!(info.table_type, TableType::DuplicateBag);
    assert_eq!(info.protection, Protection::Private);
    assert_eq!((info.owner, info.heir), (process::current(), None));
    assert_eq!(info.size, 1000);
    assert!(info.memory >= empty.memory + 1000 * 16, "{} bytes after {}", info.memory, empty.memory);
}

#[test]
fn ets_122_memory_grows_with_the_rows() {
    fn grown(small: usize, large: usize, rows: usize) {
        let per_row = (large - small) / rows;
        assert!((16..=64).contains(&per_row), "{per_row} bytes for a row of 16");
    }
    let (set, ordered) = (Set::<u64, u64>::new().unwrap(), OrderedSet::<u64, u64>::new().unwrap());
    let (small_set, small_ordered) = (set.info().unwrap().memory, ordered.info().unwrap().memory);
    set.insert_all((0..10_000).map(|n| (n, n))).unwrap();
    ordered.insert_all((0..10_000).map(|n| (n, n))).unwrap();
    grown(small_set, set.info().unwrap().memory, 10_000);
    grown(small_ordered, ordered.info().unwrap().memory, 10_000);
}

#[test]
fn ets_123_size_counts_every_row_of_a_bag_and_none_that_was_deleted() {
    let bag = DuplicateBag::<u32, u32>::new().unwrap();
    bag.insert_all([(1, 1), (1, 1), (1, 2), (2, 1)]).unwrap();
    assert_eq!(bag.info().unwrap().size, 4);
    let mut walk = bag.safe_fixtable().unwrap();
    walk.next_key().unwrap();
    bag.delete_object(&1, &1).unwrap();
    assert_eq!(bag.info().unwrap().size, 2);
    bag.take(&1).unwrap();
    bag.insert(2, 2).unwrap();
    assert_eq!(bag.info().unwrap().size, 2);
    bag.select_delete(|_, n| *n == 2).unwrap();
    assert_eq!(bag.info().unwrap().size, 1);
    bag.delete(&2).unwrap();
    assert_eq!(bag.info().unwrap().size, 0);

    let set = Set::<u32, u32>::new().unwrap();
    set.insert_all([(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]).unwrap();
    set.insert(1, 2).unwrap();
    set.delete(&1).unwrap();
    set.delete_object(&2, &1).unwrap();
    set.update_element_or(6, 1, |_| ()).unwrap();
    set.select_delete(|key, _| *key == 3).unwrap();
    assert_eq!(set.info().unwrap().size, 3);
    set.delete_all_objects().unwrap();
    assert_eq!(set.info().unwrap().size, 0);
}

#[test]
fn ets_125_nothing_is_known_of_a_table_that_is_gone() {
    let table = Set::<u32, u32>::new().unwrap();
    let id = table.id();
    assert_eq!(info(id).unwrap().id, id);
    table.delete_table().unwrap();
    assert_eq!(info(id), None);
}
