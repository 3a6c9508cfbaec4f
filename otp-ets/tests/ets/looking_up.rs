//! `lookup`, `lookup_element`, `member`, `take`.

use otp_ets::{Bag, DuplicateBag, OrderedSet, Set};

/// Equal and ordered without regard to case.
#[derive(Debug, Clone)]
struct Caseless(&'static str);

impl PartialEq for Caseless {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Caseless {}
impl PartialOrd for Caseless {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Caseless {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.to_lowercase().cmp(&other.0.to_lowercase())
    }
}

#[test]
fn ets_025_lookup_gives_all_rows_of_a_key() {
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    let (bag, duplicates) = (Bag::new().unwrap(), DuplicateBag::new().unwrap());
    assert_eq!(set.lookup("k"), Ok(None));
    assert_eq!(ordered.lookup("k"), Ok(None));
    assert_eq!(bag.lookup("k"), Ok(vec![]));
    assert_eq!(duplicates.lookup("k"), Ok(vec![]));
    for n in [1, 2, 1] {
        set.insert("k".to_owned(), n).unwrap();
        ordered.insert("k".to_owned(), n).unwrap();
        bag.insert("k".to_owned(), n).unwrap();
        duplicates.insert("k".to_owned(), n).unwrap();
    }
    assert_eq!(set.lookup("k"), Ok(Some(1)));
    assert_eq!(ordered.lookup("k"), Ok(Some(1)));
    assert_eq!(bag.lookup("k"), Ok(vec![1, 2]));
    assert_eq!(duplicates.lookup("k"), Ok(vec![1, 2, 1]));
}

#[test]
fn ets_027_an_equal_key_finds_the_row_with_the_key_that_was_stored() {
    let ordered = OrderedSet::new().unwrap();
    ordered.insert(Caseless("Key"), 1).unwrap();
    assert_eq!(ordered.lookup(&Caseless("KEY")), Ok(Some(1)));
    assert_eq!(ordered.first().unwrap().unwrap().0, "Key");
    ordered.insert(Caseless("KEY"), 2).unwrap();
    assert_eq!(ordered.lookup(&Caseless("key")), Ok(Some(2)));
    assert_eq!(ordered.info().unwrap().size, 1);
}

#[test]
fn ets_028_member_is_true_where_lookup_finds_something() {
    let (set, ordered, bag) = (Set::new().unwrap(), OrderedSet::new().unwrap(), Bag::new().unwrap());
    set.insert(1, 1).unwrap();
    ordered.insert(Caseless("k"), 1).unwrap();
    bag.insert(1, 1).unwrap();
    assert_eq!((set.member(&1), set.member(&2)), (Ok(true), Ok(false)));
    assert_eq!(ordered.member(&Caseless("K")), Ok(true));
    assert_eq!((bag.member(&1), bag.member(&2)), (Ok(true), Ok(false)));
    bag.delete_object(&1, &1).unwrap();
    assert_eq!(bag.member(&1), Ok(false));
}

#[test]
fn ets_029_lookup_element_gives_a_part_of_each_row() {
    let (set, bag) = (Set::new().unwrap(), Bag::new().unwrap());
    set.insert(1, ("a", 10)).unwrap();
    bag.insert_all([(1, ("a", 10)), (1, ("b", 20))]).unwrap();
    assert_eq!(set.lookup_element(&1, |row| row.1), Ok(Some(10)));
    assert_eq!(set.lookup_element(&2, |row| row.1), Ok(None));
    assert_eq!(bag.lookup_element(&1, |row| row.1), Ok(Some(vec![10, 20])));
    assert_eq!(bag.lookup_element(&2, |row| row.1), Ok(None));
}

#[test]
fn ets_030_lookup_element_of_a_missing_key_leaves_room_for_a_default() {
    let set = Set::<u32, (u32, u32)>::new().unwrap();
    assert_eq!(set.lookup_element(&2, |row| row.1).unwrap().unwrap_or(7), 7);
}

#[test]
fn ets_031_take_removes_and_gives_all_rows_of_a_key() {
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    set.insert_all([(1, "a"), (2, "b")]).unwrap();
    assert_eq!((set.take(&1), set.take(&1)), (Ok(Some("a")), Ok(None)));
    assert_eq!(set.to_vec(), Ok(vec![(2, "b")]));
    ordered.insert(Caseless("k"), 1).unwrap();
    assert_eq!(ordered.take(&Caseless("K")), Ok(Some(1)));
    assert_eq!(ordered.first().unwrap(), None);
    let bag = DuplicateBag::new().unwrap();
    bag.insert_all([(1, "a"), (1, "a"), (2, "b")]).unwrap();
    assert_eq!((bag.take(&1), bag.take(&1)), (Ok(vec!["a", "a"]), Ok(vec![])));
    assert_eq!(bag.to_vec(), Ok(vec![(2, "b")]));
}

#[test]
fn ets_106_what_comes_out_is_a_copy() {
    let set = Set::new().unwrap();
    set.insert(1, vec![1]).unwrap();
    let copy = set.lookup(&1).unwrap().unwrap();
    set.update_element(&1, |row| row.push(2)).unwrap();
    assert_eq!(copy, [1]);
    assert_eq!(set.lookup(&1), Ok(Some(vec![1, 2])));
}
