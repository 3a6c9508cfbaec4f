#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bag;
mod bag_store;
mod builder;
mod counter;
mod error;
mod file;
mod free;
mod head;
mod info;
mod kind;
mod ordered_set;
mod pages;
mod query;
mod registry;
mod row;
mod section;
mod set_store;
mod shards;
mod store;
mod table;
mod transfer;
mod tree_store;
mod walk;

pub use builder::Builder;
pub use counter::{Counter, CounterOp};
pub use error::{
    AccessError, CreateError, GiveAwayError, NextError, RenameError, SetHeirError, UpdateCounterError,
    WhereisError,
};
pub use file::{File2tabError, Tab2fileError, TabfileInfo, TabfileInfoError, tabfile_info};
pub use head::{Protection, TableId};
pub use info::{TableInfo, all, info, whereis};
pub use kind::{
    Bag, BagKind, DuplicateBag, Kind, Often, Once, OneRowPerKey, OrderedSet, OrderedSetKind, Replaceable,
    Set, SetKind, TableType,
};
pub use pages::Pages;
pub use query::Verdict;
pub use table::Table;
pub use transfer::Transfer;
pub use walk::Walk;
