//! Names: a process known by a text instead of its pid.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use ahash::RandomState;

use crate::cell::AnyCell;
use crate::error::{NotRegistered, RegisterError};
use crate::pid::Pid;
use crate::sync::{Arc, RwLock, made_once, shards};
use crate::table;

/// A local name: `const` over a `&'static str`, or owned.
///
/// # Examples
///
/// ```
/// use otp_core::ProcessName;
///
/// const CACHE: ProcessName = ProcessName::new("cache");
/// assert_eq!(CACHE, ProcessName::from(String::from("cache")));
/// ```
#[derive(Clone)]
pub struct ProcessName(Text);

#[derive(Clone)]
enum Text {
    Static(&'static str),
    Owned(Arc<str>),
}

impl ProcessName {
    /// A name over a text that lives for ever.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(Text::Static(name))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(text) => text,
            Text::Owned(text) => text,
        }
    }
}

impl Deref for ProcessName {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for ProcessName {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&'static str> for ProcessName {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

impl From<String> for ProcessName {
    fn from(name: String) -> Self {
        Self(Text::Owned(Arc::from(name)))
    }
}

impl PartialEq for ProcessName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ProcessName {}

impl Hash for ProcessName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

const SHARDS: usize = shards(16);

struct Names {
    hasher: RandomState,
    shards: [RwLock<HashMap<ProcessName, Arc<AnyCell>, RandomState>>; SHARDS],
}

made_once! {
    static NAMES: Names = {
        let hasher = RandomState::new();
        Names { shards: std::array::from_fn(|_| RwLock::new(HashMap::with_hasher(hasher.clone()))), hasher }
    };
}

fn shard(name: &str) -> &'static RwLock<HashMap<ProcessName, Arc<AnyCell>, RandomState>> {
    &NAMES.shards[(NAMES.hasher.hash_one(name) >> 60) as usize % SHARDS]
}

/// Registers a live process under a name. A process has one name at most, and a name one process.
///
/// The name is free again before anyone can hear of the process's death.
///
/// # Errors
///
/// [`RegisterError`]: the name is taken, the process has a name already, or it is dead. Nothing has changed then.
///
/// # Counterpart
///
/// `erlang:register/2`, which raises `badarg` in these cases.
pub fn register(name: impl Into<ProcessName>, pid: Pid) -> Result<(), RegisterError> {
    let cell = table::get(pid).ok_or(RegisterError::NoProc)?;
    register_cell(name.into(), &cell)
}

pub(crate) fn register_cell(name: ProcessName, cell: &Arc<AnyCell>) -> Result<(), RegisterError> {
    // The shard stays locked until the process has the name: a lookup never finds one that was refused. The order
    // names, then process, holds everywhere; a death takes the name out of its cell first and comes here unlocked.
    let mut names = shard(&name).write();
    // Also a dying one, until its state is dropped: whoever gets the name finds no remains of the one before.
    if let Some(holder) = names.get(&name) {
        return Err(RegisterError::Taken(holder.head.pid));
    }
    let mut inner = cell.inner.lock();
    if inner.is_gone() {
        return Err(RegisterError::NoProc);
    }
    let extra = inner.extra();
    if let Some(present) = &extra.name {
        return Err(RegisterError::AlreadyNamed(present.clone()));
    }
    extra.name = Some(name.clone());
    names.insert(name, Arc::clone(cell));
    Ok(())
}

/// Gives a name up. Its process lives on.
///
/// # Errors
///
/// [`NotRegistered`] if nobody has the name.
///
/// # Counterpart
///
/// `erlang:unregister/1`.
pub fn unregister(name: &str) -> Result<(), NotRegistered> {
    let mut names = shard(name).write();
    let cell = names.remove(name).ok_or(NotRegistered)?;
    if let Some(extra) = &mut cell.inner.lock().extra {
        extra.name = None;
    }
    drop(names);
    Ok(())
}

/// The process that has a name.
///
/// # Counterpart
///
/// `erlang:whereis/1`.
#[must_use]
pub fn whereis(name: &str) -> Option<Pid> {
    shard(name).read().get(name).map(|cell| cell.head.pid)
}

pub(crate) fn lookup(name: &str) -> Option<Arc<AnyCell>> {
    shard(name).read().get(name).cloned()
}

/// At death: frees the name, if it is still this process's.
pub(crate) fn release(name: &ProcessName, pid: Pid) {
    let mut names = shard(name).write();
    let held = names.get(name).is_some_and(|cell| cell.head.pid == pid);
    let cell = if held { names.remove(name) } else { None };
    drop(names);
    drop(cell);
}
