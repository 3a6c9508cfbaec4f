//! What can be known of a table from outside.

use otp_core::Pid;

use crate::head::{Protection, TableId};
use crate::kind::TableType;
use crate::registry;
use crate::section::refuse_nested;

/// What a table is, and how large.
///
/// # Counterpart
///
/// `ets:info/1`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableInfo {
    /// Identifies it.
    pub id: TableId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its type.
    pub table_type: TableType,
    /// Who may use it.
    pub protection: Protection,
    /// Who owns it; none if it was made outside any process.
    pub owner: Option<Pid>,
    /// Who gets it when the owner dies, if that process is still alive then.
    pub heir: Option<Pid>,
    /// How many rows it has. While others write, this is no reading of one moment.
    pub size: usize,
    /// Bytes for the rows and their places, without what keys and values own elsewhere, as the text of a `String`. An estimate
    /// for ordered sets and bags.
    pub memory: usize,
}

/// What a table is, and how large; none if it does not exist any more.
///
/// # Panics
///
/// When called from a closure that runs under a table's lock.
///
/// # Counterpart
///
/// `ets:info/1`; as there, for everyone and any protection.
#[must_use]
pub fn info(table: TableId) -> Option<TableInfo> {
    refuse_nested();
    registry::find(table)?.info()
}

/// All tables of the program, in the order in which they were made.
///
/// # Counterpart
///
/// `ets:all/0`.
#[must_use]
pub fn all() -> Vec<TableId> {
    registry::all()
}

/// The table that has this name.
///
/// [`Table::whereis`](crate::Table::whereis) gives a handle to it.
///
/// # Counterpart
///
/// `ets:whereis/1`.
#[must_use]
pub fn whereis(name: &str) -> Option<TableId> {
    registry::whereis(name).map(|table| table.head().id)
}
