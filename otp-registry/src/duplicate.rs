//! What duplicate keys alone can do: look all entries up, and go through them in parallel.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use otp_core::behaviour::{Answer, Awaiting, Spawn, request};
use otp_core::{ExitReason, Pid, ProcessName};

use crate::error::{DispatchError, NotRunning};
use crate::keys::{Duplicate, Key, Value};
use crate::registry::Registry;
use crate::table::Parting;

impl<K: Key, V: Value> Registry<K, V, Duplicate> {
    /// A registry whose keys have any number of entries each, also of one process. It is there once it is
    /// [started](Self::start_link).
    ///
    /// # Counterpart
    ///
    /// `Registry.start_link(keys: :duplicate, name: name)`.
    #[must_use]
    pub fn duplicate(name: impl Into<ProcessName>) -> Self {
        Self::of_kind(name, false)
    }

    /// Puts all entries of a key into the same partition, by the key. By default an entry is in the partition of its process: a
    /// dispatch goes through all partitions then, in parallel if wanted; and a partition that dies takes no other along.
    ///
    /// # Panics
    ///
    /// If the handle was cloned or the registry started before.
    ///
    /// # Counterpart
    ///
    /// `keys: {:duplicate, :key}`.
    #[must_use]
    #[track_caller]
    pub fn partition_by_key(mut self) -> Self {
        let shared = self.options();
        shared.set_parting(Parting::new(shared.table.parting.partitions, true));
        self
    }

    /// All entries under a key, in no order.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Counterpart
    ///
    /// `Registry.lookup/2`.
    pub fn lookup<Q>(&self, key: &Q) -> Result<Vec<(Pid, V)>, NotRunning>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shared.check_running()?;
        let mut parts = self.shared.collect(key);
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { parts.into_iter().flatten().collect() })
    }

    /// As [`dispatch`](Self::dispatch), with each partition's call in a process of its own; ready when all have ended. With one
    /// partition, or keys that are in one, `f` is called here instead.
    ///
    /// # Errors
    ///
    /// [`DispatchError`]: the registry does not run, or a call ended its process; the first of those that did.
    ///
    /// # Panics
    ///
    /// As `f` does where it is called here.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the calls that have begun go on.
    ///
    /// # Counterpart
    ///
    /// `Registry.dispatch/4` with `parallel: true`. A failed call is an error here, and takes the caller along there.
    pub async fn dispatch_parallel<Q>(
        &self,
        key: &Q,
        f: impl Fn(&[(Pid, V)]) + Send + Sync + 'static,
    ) -> Result<(), DispatchError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + Sync + ?Sized,
    {
        let Parting { partitions, by_key, .. } = self.shared.table.parting;
        if partitions == 1 || by_key {
            return Ok(self.dispatch(key, f)?);
        }
        self.shared.check_running()?;
        let f = Arc::new(f);
        let begin = |part: Vec<(Pid, V)>| {
            let process = Spawn::new().for_caller().label("a part of a dispatch").prepare::<()>();
            let (done, ended, _) = request(process.address().pid());
            let f = Arc::clone(&f);
            let _ = process.go(move |_| async move {
                f(&part);
                done.send(());
                ExitReason::Normal
            });
            ended
        };
        let under_way: Vec<_> = self.shared.collect(key).into_iter().map(begin).collect();
        let mut outcome = Ok(());
        for ended in under_way {
            let mut awaiting = Awaiting::new(ended, None);
            let failed = match std::future::poll_fn(|cx| awaiting.poll(cx)).await {
                Some(Answer::Value(())) => None,
                Some(Answer::Exit(reason)) => Some(reason),
                Some(Answer::NoReply) | None => Some(ExitReason::NoProc),
            };
            if let (Ok(()), Some(reason)) = (&outcome, failed) {
                outcome = Err(DispatchError::Exit(reason));
            }
        }
        outcome
    }
}
