//! Making a table.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use otp_core::{Recipient, process};

use crate::error::CreateError;
use crate::head::{AnyTable, Head, Heir, Meta, Protection};
use crate::kind::Kind;
use crate::registry;
use crate::section::refuse_nested;
use crate::store::Store as _;
use crate::table::{Shared, Table};
use crate::transfer::{Transfer, heir_of};

/// A table about to be made, from [`Table::builder`].
///
/// # Counterpart
///
/// The options of `ets:new/2`. `keypos` does not exist, since a row is a key and a value; nor do `read_concurrency`,
/// `write_concurrency`, `decentralized_counters` and `compressed`.
#[must_use = "nothing is made before `create`"]
pub struct Builder<K, V, T: Kind<K, V>> {
    name: Option<Cow<'static, str>>,
    protection: Option<Protection>,
    heir: Option<Heir>,
    _table: PhantomData<(K, V, T)>,
}

impl<K: 'static, V: 'static, T: Kind<K, V>> Builder<K, V, T> {
    pub(crate) fn new() -> Self {
        Self { name: None, protection: None, heir: None, _table: PhantomData }
    }

    /// Lets the table be found under a name. Default: none.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Says who may use the table. Default: [`Protection::Protected`] if it has an owner, else everyone who has a handle.
    pub fn protection(mut self, protection: Protection) -> Self {
        self.protection = Some(protection);
        self
    }

    /// [`protection(Protection::Public)`](Self::protection).
    pub fn public(self) -> Self {
        self.protection(Protection::Public)
    }

    /// [`protection(Protection::Private)`](Self::protection).
    pub fn private(self) -> Self {
        self.protection(Protection::Private)
    }

    /// Hands the table on when its owner dies, and tells the new owner. A process that is dead already is no heir. Default:
    /// none, the table goes with its owner.
    pub fn heir(mut self, heir: &Recipient<Transfer<K, V, T>>) -> Self {
        self.heir = Some(heir_of(heir.clone()));
        self
    }

    /// Makes the table.
    ///
    /// # Errors
    ///
    /// [`CreateError::NameTaken`]; [`CreateError::OwnerDead`] if the current process is about to die;
    /// [`CreateError::NoOwner`] if an heir or a protection was asked for outside any process.
    ///
    /// # Panics
    ///
    /// When called from a closure that runs under a table's lock.
    ///
    /// # Counterpart
    ///
    /// `ets:new/2`.
    pub fn create(self) -> Result<Table<K, V, T>, CreateError> {
        self.create_with(Vec::new())
    }

    /// Makes the table with these rows in it, before anyone can find it.
    pub(crate) fn create_with(self, rows: Vec<(K, V)>) -> Result<Table<K, V, T>, CreateError> {
        refuse_nested();
        let owner = process::current();
        let restricted = self.protection.is_some_and(|protection| protection != Protection::Public);
        if owner.is_none() && (restricted || self.heir.is_some()) {
            return Err(CreateError::NoOwner);
        }
        let default = if owner.is_some() { Protection::Protected } else { Protection::Public };
        let protection = self.protection.unwrap_or(default);
        let meta = Meta { name: self.name, owner, heir: self.heir.filter(Heir::is_alive) };
        let head = Head::new(T::TYPE, protection, meta);
        let store = T::Store::new();
        if !rows.is_empty() {
            // A store that was just made takes all.
            store.insert_all(rows).unwrap_or(());
        }
        let shared = Arc::new(Shared { head, store });
        let erased: Arc<dyn AnyTable> = Arc::clone(&shared) as _;
        registry::add(&erased, owner)?;
        Ok(Table { shared })
    }
}

impl<K, V, T: Kind<K, V>> fmt::Debug for Builder<K, V, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("type", &T::TYPE)
            .field("name", &self.name)
            .field("protection", &self.protection)
            .field("heir", &self.heir.as_ref().map(|heir| heir.pid))
            .finish()
    }
}
