//! `tab2file`, `file2tab`, `tabfile_info`.

use std::fs;
use std::path::PathBuf;

use otp_core::process;
use otp_ets::{
    AccessError, Bag, CreateError, DuplicateBag, File2tabError, OrderedSet, Protection, Set, Tab2fileError,
    TabfileInfoError, TableType, tabfile_info, whereis,
};
use serde::{Deserialize, Serialize};

use crate::support::{elsewhere, sorted, unique_name};

/// A file that goes with the test.
struct TestFile(PathBuf);

impl TestFile {
    fn new() -> Self {
        let name = unique_name().replace(' ', "-");
        Self(std::env::temp_dir().join(format!("otp-ets-{}-{name}", std::process::id())))
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        // Some tests write none.
        fs::remove_file(&self.0).unwrap_or(());
    }
}

#[derive(Debug, Clone, PartialEq, PartialOrd, Eq, Ord, Hash, Serialize, Deserialize)]
enum Value {
    Nothing,
    Text(String),
    Fields { a: Option<u8>, b: (i64, bool) },
}

fn value(n: u32) -> Value {
    match n % 3 {
        0 => Value::Nothing,
        1 => Value::Text(format!("row {n}")),
        _ => Value::Fields { a: n.is_multiple_of(2).then_some(7), b: (-i64::from(n), true) },
    }
}

#[otp_core::test]
async fn ets_126_a_table_comes_back_as_it_was() {
    let file = TestFile::new();
    let name = unique_name();
    let table = Set::builder().name(name.clone()).private().create().unwrap();
    table.insert_all((0..3000).map(|n| (n, value(n)))).unwrap();
    let rows = sorted(table.to_vec().unwrap());
    table.tab2file(&file.0).unwrap();
    table.delete_table().unwrap();
    let loaded = Set::<u32, Value>::file2tab(&file.0).unwrap();
    assert_eq!(sorted(loaded.to_vec().unwrap()), rows);
    let info = loaded.info().unwrap();
    assert_eq!((info.name, info.protection), (Some(name), Protection::Private));
    assert_eq!(info.owner, process::current());
}

#[test]
fn ets_126_every_type_of_table_comes_back() {
    let file = TestFile::new();
    let rows = [(3, 1), (1, 2), (3, 1), (3, 0)];
    let ordered = OrderedSet::new().unwrap();
    ordered.insert_all(rows).unwrap();
    ordered.tab2file(&file.0).unwrap();
    assert_eq!(OrderedSet::<i32, i32>::file2tab(&file.0).unwrap().to_vec(), Ok(vec![(1, 2), (3, 0)]));
    let bag = Bag::new().unwrap();
    bag.insert_all(rows).unwrap();
    bag.tab2file(&file.0).unwrap();
    assert_eq!(Bag::<i32, i32>::file2tab(&file.0).unwrap().lookup(&3), Ok(vec![1, 0]));
    let bag = DuplicateBag::new().unwrap();
    bag.insert_all(rows).unwrap();
    bag.tab2file(&file.0).unwrap();
    assert_eq!(DuplicateBag::<i32, i32>::file2tab(&file.0).unwrap().lookup(&3), Ok(vec![1, 1, 0]));
    let empty = Set::<(), ()>::new().unwrap();
    empty.tab2file(&file.0).unwrap();
    assert_eq!(Set::<(), ()>::file2tab(&file.0).unwrap().to_vec(), Ok(vec![]));
}

#[test]
fn ets_127_a_name_that_is_taken_makes_no_table() {
    let file = TestFile::new();
    let table = Set::<u32, u32>::builder().name(unique_name()).create().unwrap();
    table.tab2file(&file.0).unwrap();
    let loaded = Set::<u32, u32>::file2tab(&file.0);
    assert!(matches!(loaded, Err(File2tabError::Create(CreateError::NameTaken))), "{loaded:?}");
}

#[test]
fn a_file_that_is_damaged_anywhere_or_cut_off_loads_nothing() {
    let file = TestFile::new();
    let name = unique_name();
    let table = OrderedSet::builder().name(name.clone()).create().unwrap();
    table.insert_all((0..20).map(|n| (n, value(n)))).unwrap();
    table.tab2file(&file.0).unwrap();
    drop(table);
    let good = fs::read(&file.0).unwrap();
    let refuse = |bytes: &[u8]| {
        fs::write(&file.0, bytes).unwrap();
        let loaded = OrderedSet::<u32, Value>::file2tab(&file.0);
        assert!(
            matches!(loaded, Err(File2tabError::Damaged | File2tabError::NotATable)),
            "{loaded:?} of {} bytes",
            bytes.len()
        );
        assert_eq!(whereis(&name), None);
    };
    for at in 0..good.len() {
        refuse(&good[..at]);
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            refuse(&bad);
        }
    }
    refuse(&[good.as_slice(), b"x"].concat());
    fs::write(&file.0, &good).unwrap();
    assert_eq!(OrderedSet::<u32, Value>::file2tab(&file.0).unwrap().info().unwrap().size, 20);
}

#[test]
fn ets_130_what_is_no_table_is_an_error() {
    let file = TestFile::new();
    let missing = Set::<u32, u32>::file2tab(&file.0);
    assert!(matches!(missing, Err(File2tabError::Io(_))), "{missing:?}");
    assert!(matches!(tabfile_info(&file.0), Err(TabfileInfoError::Io(_))));
    fs::write(&file.0, "this is a text, and a rather long one at that").unwrap();
    let text = Set::<u32, u32>::file2tab(&file.0);
    assert!(matches!(text, Err(File2tabError::NotATable)), "{text:?}");
    assert!(matches!(tabfile_info(&file.0), Err(TabfileInfoError::NotATable)));
    let gone = Set::<u32, u32>::new().unwrap();
    gone.delete_table().unwrap();
    let written = gone.tab2file(&file.0);
    assert!(matches!(written, Err(Tab2fileError::Access(AccessError::Gone))), "{written:?}");
}

#[test]
fn a_table_of_another_type_is_an_error() {
    let file = TestFile::new();
    let table = Set::new().unwrap();
    table.insert(1_u32, "text".to_owned()).unwrap();
    table.tab2file(&file.0).unwrap();
    let bag = Bag::<u32, String>::file2tab(&file.0);
    assert!(matches!(bag, Err(File2tabError::WrongType(TableType::Set))), "{bag:?}");
    let numbers = Set::<u32, u32>::file2tab(&file.0);
    assert!(matches!(numbers, Err(File2tabError::Row(_))), "{numbers:?}");
}

#[test]
fn a_later_version_of_the_format_is_an_error_of_its_own() {
    let file = TestFile::new();
    Set::<u32, u32>::new().unwrap().tab2file(&file.0).unwrap();
    let mut bytes = fs::read(&file.0).unwrap();
    bytes[9] = 2;
    let end = bytes.len() - 4;
    let checksum = crc32fast::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum.to_be_bytes());
    fs::write(&file.0, bytes).unwrap();
    assert!(matches!(tabfile_info(&file.0), Err(TabfileInfoError::Version(2))));
    assert!(matches!(Set::<u32, u32>::file2tab(&file.0), Err(File2tabError::Version(2))));
}

#[otp_core::test]
async fn ets_131_a_file_is_replaced_when_the_new_one_is_whole() {
    let file = TestFile::new();
    let table = Set::<u32, u32>::builder().private().create().unwrap();
    table.insert(1, 1).unwrap();
    table.tab2file(&file.0).unwrap();
    table.insert(2, 2).unwrap();
    table.tab2file(&file.0).unwrap();
    assert_eq!(tabfile_info(&file.0).unwrap().size, 2);
    // Who may not read it leaves the file alone.
    let (other, path) = (table.clone(), file.0.clone());
    let written = elsewhere(move || other.tab2file(path)).await;
    assert!(matches!(written, Err(Tab2fileError::Access(AccessError::Denied))), "{written:?}");
    assert_eq!(tabfile_info(&file.0).unwrap().size, 2);
    let nowhere = file.0.join("no folder").join("file");
    assert!(matches!(table.tab2file(nowhere), Err(Tab2fileError::Io(_))));
}

#[test]
fn ets_131_a_row_that_cannot_be_written_leaves_the_file_alone() {
    #[derive(Clone)]
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not this one"))
        }
    }
    let file = TestFile::new();
    fs::write(&file.0, "what was there").unwrap();
    let table = Set::new().unwrap();
    table.insert(1, Refuses).unwrap();
    let written = table.tab2file(&file.0);
    assert!(matches!(&written, Err(Tab2fileError::Row(why)) if why.contains("not this one")), "{written:?}");
    assert_eq!(fs::read(&file.0).unwrap(), b"what was there");
}

#[test]
fn ets_132_tabfile_info_reads_the_header_alone() {
    let file = TestFile::new();
    let name = unique_name();
    let bag = DuplicateBag::builder().name(name.clone()).create().unwrap();
    bag.insert_all([(1, 1), (1, 1)]).unwrap();
    bag.tab2file(&file.0).unwrap();
    let mut bytes = fs::read(&file.0).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file.0, bytes).unwrap();
    let info = tabfile_info(&file.0).unwrap();
    assert_eq!((info.version, info.size), (1, 2));
    assert_eq!((info.table_type, info.protection), (TableType::DuplicateBag, Protection::Public));
    assert_eq!(info.name, Some(name));
    assert!(matches!(DuplicateBag::<i32, i32>::file2tab(&file.0), Err(File2tabError::Damaged)));
}
