//! What a table is besides its rows, and how it looks to code that knows neither its keys nor its values.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use otp_core::{Pid, process};
use parking_lot::Mutex;

use crate::error::AccessError;
use crate::info::TableInfo;
use crate::kind::TableType;

/// Identifies a table while the program runs; never used again.
///
/// # Counterpart
///
/// The reference that `ets:new/2` returns for an unnamed table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(u64);

impl TableId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Who may read and write a table that has an owner.
///
/// # Counterpart
///
/// The options `public`, `protected` and `private` of `ets:new/2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "ETS has these")]
pub enum Protection {
    /// Every process reads and writes.
    Public,
    /// Every process reads, the owner writes.
    Protected,
    /// The owner reads and writes, no one else does.
    Private,
}

/// Everything of a table but its rows.
pub(crate) struct Head {
    pub(crate) id: TableId,
    pub(crate) table_type: TableType,
    pub(crate) protection: Protection,
    /// The number of the owner's pid, or 0: `Meta::owner`, for those who need no lock.
    owner: AtomicU64,
    /// Set before the rows go.
    gone: AtomicBool,
    pub(crate) meta: Mutex<Meta>,
}

/// What may change; changed under the registry's lock or by the owner alone.
pub(crate) struct Meta {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) owner: Option<Pid>,
    pub(crate) heir: Option<Heir>,
}

/// Who gets the table when its owner dies.
#[derive(Clone)]
pub(crate) struct Heir {
    pub(crate) pid: Pid,
    /// Tells it, given the table and its last owner.
    pub(crate) tell: Arc<dyn Fn(Arc<dyn AnyTable>, Pid) + Send + Sync>,
}

impl Heir {
    pub(crate) fn is_alive(&self) -> bool {
        process::is_alive(self.pid)
    }
}

impl Head {
    pub(crate) fn new(table_type: TableType, protection: Protection, meta: Meta) -> Self {
        Self {
            id: TableId::next(),
            table_type,
            protection,
            owner: AtomicU64::new(meta.owner.map_or(0, Pid::number)),
            gone: AtomicBool::new(false),
            meta: Mutex::new(meta),
        }
    }

    /// The owner's number, or 0.
    pub(crate) fn owner(&self) -> u64 {
        self.owner.load(Ordering::Acquire)
    }

    pub(crate) fn set_owner(&self, owner: Pid) {
        self.meta.lock().owner = Some(owner);
        self.owner.store(owner.number(), Ordering::Release);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    pub(crate) fn set_gone(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Whether the table is there, and the current process may read it.
    #[inline]
    pub(crate) fn check_read(&self) -> Result<(), AccessError> {
        self.check(self.protection != Protection::Private)
    }

    /// Whether the table is there, and the current process may write to it.
    #[inline]
    pub(crate) fn check_write(&self) -> Result<(), AccessError> {
        self.check(self.protection == Protection::Public)
    }

    #[inline]
    fn check(&self, everyone_may: bool) -> Result<(), AccessError> {
        if self.is_gone() {
            Err(AccessError::Gone)
        } else if everyone_may || self.current_owner().is_some() {
            Ok(())
        } else {
            Err(AccessError::Denied)
        }
    }

    /// The current process, if it owns the table.
    pub(crate) fn current_owner(&self) -> Option<Pid> {
        process::current().filter(|current| current.number() == self.owner())
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("type", &self.table_type)
            .field("id", &self.id.0)
            .field("name", &self.meta.lock().name)
            .finish_non_exhaustive()
    }
}

/// A table whose keys and values are not known.
pub(crate) trait AnyTable: Any + Send + Sync {
    fn head(&self) -> &Head;
    /// None if it is gone.
    fn info(&self) -> Option<TableInfo>;
    /// Removes the rows for good.
    fn close(&self);
}
