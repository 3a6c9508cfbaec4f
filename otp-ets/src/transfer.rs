//! Tables that change their owner: given away, or inherited.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use otp_core::{Pid, Recipient};

use crate::error::{GiveAwayError, SetHeirError};
use crate::head::{AnyTable, Heir};
use crate::kind::Kind;
use crate::registry;
use crate::table::{Shared, Table};

/// A process has become the owner of a table.
///
/// It arrives as whatever message the [`Recipient`] makes of it; what OTP calls the gift or heir data goes into that.
///
/// # Counterpart
///
/// The message `{'ETS-TRANSFER', Table, FromPid, Data}`.
#[expect(clippy::exhaustive_structs, reason = "OTP's message has these")]
pub struct Transfer<K, V, T: Kind<K, V>> {
    /// The table, which now belongs to whoever gets this.
    pub table: Table<K, V, T>,
    /// Who owned it before.
    pub from: Pid,
}

impl<K, V, T: Kind<K, V>> fmt::Debug for Transfer<K, V, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer").field("table", &self.table).field("from", &self.from).finish()
    }
}

/// The heir that a recipient stands for.
pub(crate) fn heir_of<K, V, T>(recipient: Recipient<Transfer<K, V, T>>) -> Heir
where
    K: 'static,
    V: 'static,
    T: Kind<K, V>,
{
    let pid = recipient.pid();
    let tell = move |table: Arc<dyn AnyTable>, from| {
        let table: Arc<dyn Any + Send + Sync> = table;
        // It is the table that this heir was set for.
        if let Ok(shared) = table.downcast::<Shared<K, V, T>>() {
            recipient.send(Transfer { table: Table { shared }, from });
        }
    };
    Heir { pid, tell: Arc::new(tell) }
}

impl<K: 'static, V: 'static, T: Kind<K, V>> Table<K, V, T> {
    /// Makes another process the owner, and tells it. Only the owner may. The heir stays as it is.
    ///
    /// # Errors
    ///
    /// See [`GiveAwayError`]; the table then stays with its owner.
    ///
    /// # Counterpart
    ///
    /// `ets:give_away/3`.
    pub fn give_away(&self, to: &Recipient<Transfer<K, V, T>>) -> Result<(), GiveAwayError> {
        let head = self.head();
        if head.is_gone() {
            return Err(GiveAwayError::Gone);
        }
        let from = head.current_owner().ok_or(GiveAwayError::NotOwner)?;
        if from == to.pid() {
            return Err(GiveAwayError::AlreadyOwner);
        }
        registry::give_away(head, from, to.pid())?;
        to.send(Transfer { table: self.clone(), from });
        Ok(())
    }

    /// Sets the heir, or clears it. Only the owner may. A process that is dead already is no heir.
    ///
    /// # Errors
    ///
    /// [`SetHeirError::Gone`], [`SetHeirError::NotOwner`].
    ///
    /// # Counterpart
    ///
    /// `ets:setopts/2`.
    pub fn set_heir(&self, heir: Option<&Recipient<Transfer<K, V, T>>>) -> Result<(), SetHeirError> {
        let head = self.head();
        if head.is_gone() {
            return Err(SetHeirError::Gone);
        }
        head.current_owner().ok_or(SetHeirError::NotOwner)?;
        let heir = heir.cloned().map(heir_of).filter(Heir::is_alive);
        let old = std::mem::replace(&mut head.meta.lock().heir, heir);
        drop(old);
        Ok(())
    }
}
