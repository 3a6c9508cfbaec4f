//! Which tables there are, which name is whose, and what goes when a process dies.
//!
//! One lock for the program, taken when a table is made, named, handed on or deleted, and never while a table's own is
//! held. A table that has an owner is kept alive here; any other by its handles.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Weak};

use otp_core::behaviour::catch;
use otp_core::{ExitReason, Pid, process};
use parking_lot::Mutex;

use crate::error::{CreateError, GiveAwayError, RenameError};
use crate::head::{AnyTable, Head, TableId};

/// The tables of one owner, in the order in which they were made.
type Owned = BTreeMap<TableId, Arc<dyn AnyTable>>;

#[derive(Default)]
struct Registry {
    tables: BTreeMap<TableId, Weak<dyn AnyTable>>,
    names: HashMap<Cow<'static, str>, TableId, ahash::RandomState>,
    /// By the number of the pid. A process stands here from its first table until its death; as long it has an exit hook.
    owners: HashMap<u64, Owned, ahash::RandomState>,
}

static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(Mutex::default);

impl Registry {
    /// The tables of a process, which is alive and will give them up at its death; none if it is dead.
    fn tables_of(&mut self, owner: Pid) -> Option<&mut Owned> {
        if !self.owners.contains_key(&owner.number()) {
            // The hook waits for the lock that is held here, so it finds what is put in now.
            process::on_exit(owner, |pid, _: &ExitReason| owner_died(pid)).ok()?;
        }
        Some(self.owners.entry(owner.number()).or_default())
    }

    fn forget(&mut self, head: &Head) {
        self.tables.remove(&head.id);
        if let Some(name) = &head.meta.lock().name
            && self.names.get(name) == Some(&head.id)
        {
            self.names.remove(name);
        }
    }
}

/// Enters a table.
pub(crate) fn add(table: &Arc<dyn AnyTable>, owner: Option<Pid>) -> Result<(), CreateError> {
    let head = table.head();
    let name = head.meta.lock().name.clone();
    let mut registry = REGISTRY.lock();
    if name.as_ref().is_some_and(|name| registry.names.contains_key(name)) {
        return Err(CreateError::NameTaken);
    }
    if let Some(owner) = owner {
        let owned = registry.tables_of(owner).ok_or(CreateError::OwnerDead)?;
        owned.insert(head.id, Arc::clone(table));
    }
    registry.tables.insert(head.id, Arc::downgrade(table));
    if let Some(name) = name {
        registry.names.insert(name, head.id);
    }
    Ok(())
}

/// Takes a table out, so that its name is free and its owner's death no matter. Whether it was there: of several who
/// delete it, one does.
pub(crate) fn remove(head: &Head) -> bool {
    let mut registry = REGISTRY.lock();
    let was_there = registry.tables.contains_key(&head.id);
    head.set_gone();
    registry.forget(head);
    let kept = registry.owners.get_mut(&head.owner()).and_then(|owned| owned.remove(&head.id));
    drop(registry);
    drop(kept);
    was_there
}

pub(crate) fn find(id: TableId) -> Option<Arc<dyn AnyTable>> {
    REGISTRY.lock().tables.get(&id)?.upgrade()
}

pub(crate) fn whereis(name: &str) -> Option<Arc<dyn AnyTable>> {
    let registry = REGISTRY.lock();
    registry.tables.get(registry.names.get(name)?)?.upgrade()
}

pub(crate) fn all() -> Vec<TableId> {
    REGISTRY.lock().tables.keys().copied().collect()
}

pub(crate) fn rename(head: &Head, new: Cow<'static, str>) -> Result<(), RenameError> {
    let mut registry = REGISTRY.lock();
    if head.is_gone() {
        return Err(RenameError::Gone);
    }
    let mut meta = head.meta.lock();
    let old = meta.name.as_ref().ok_or(RenameError::Unnamed)?;
    if registry.names.contains_key(&new) {
        return Err(RenameError::NameTaken);
    }
    registry.names.remove(old);
    registry.names.insert(new.clone(), head.id);
    meta.name = Some(new);
    Ok(())
}

/// Makes another process the owner.
pub(crate) fn give_away(head: &Head, from: Pid, to: Pid) -> Result<(), GiveAwayError> {
    let mut registry = REGISTRY.lock();
    if head.is_gone() {
        return Err(GiveAwayError::Gone);
    }
    registry.tables_of(to).ok_or(GiveAwayError::ReceiverDead)?;
    let table = registry.owners.get_mut(&from.number()).and_then(|owned| owned.remove(&head.id));
    // The owner, who is calling, is dying: its hook has run.
    let table = table.ok_or(GiveAwayError::NotOwner)?;
    registry.owners.entry(to.number()).or_default().insert(head.id, table);
    head.set_owner(to);
    Ok(())
}

/// The exit hook of an owner: its tables go to their heirs, or vanish.
fn owner_died(owner: Pid) {
    let tables = REGISTRY.lock().owners.remove(&owner.number()).unwrap_or_default();
    let mut first_panic = None;
    for table in tables.into_values() {
        // A panic of one table's destructors must not keep the others.
        if let Err(reason) = catch(|| hand_on(table, owner)) {
            first_panic.get_or_insert(reason);
        }
    }
    if let Some(reason) = first_panic {
        process::exit(reason);
    }
}

/// Gives a table of a dead process to its heir, if that lives, or deletes it.
fn hand_on(table: Arc<dyn AnyTable>, owner: Pid) {
    let heir = table.head().meta.lock().heir.clone().filter(|heir| heir.pid != owner);
    let mut registry = REGISTRY.lock();
    // Somebody may have deleted it since its owner died.
    if let Some(heir) = heir
        && !table.head().is_gone()
        && let Some(owned) = registry.tables_of(heir.pid)
    {
        owned.insert(table.head().id, Arc::clone(&table));
        table.head().set_owner(heir.pid);
        drop(registry);
        (heir.tell)(table, owner);
        return;
    }
    drop(registry);
    remove(table.head());
    table.close();
}
