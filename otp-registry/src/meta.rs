//! [`Meta`]: a registry's metadata, which stands beside its keys.

use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::error::MetaError;

type Text = Cow<'static, str>;
type Kept = Arc<dyn Any + Send + Sync>;

/// What is there now, and what is there at each start.
#[derive(Default)]
pub(crate) struct Meta {
    now: RwLock<HashMap<Text, Kept>>,
    pub(crate) initial: Vec<(Text, Kept)>,
}

impl Meta {
    pub(crate) fn start(&self) {
        let initial = self.initial.iter().map(|(key, value)| (key.clone(), Arc::clone(value))).collect();
        let before = std::mem::replace(&mut *self.now.write(), initial);
        drop(before);
    }

    pub(crate) fn get<T: Clone + 'static>(&self, key: &str) -> Result<Option<T>, MetaError> {
        let Some(kept) = self.now.read().get(key).map(Arc::clone) else { return Ok(None) };
        kept.downcast_ref::<T>().cloned().map(Some).ok_or(MetaError::WrongType)
    }

    pub(crate) fn put(&self, key: Text, value: Kept) {
        let before = self.now.write().insert(key, value);
        drop(before);
    }

    pub(crate) fn delete(&self, key: &str) {
        let before = self.now.write().remove(key);
        drop(before);
    }

    pub(crate) fn end(&self) {
        let before = std::mem::take(&mut *self.now.write());
        drop(before);
    }
}
