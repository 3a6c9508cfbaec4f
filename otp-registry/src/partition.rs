//! [`Partition`]: the process that stands for a part of a registry. Whoever has an entry is linked to one; with it, they go.

use std::convert::Infallible;
use std::sync::Arc;

use otp_core::behaviour::InitError;
use otp_core::{ChildSpec, ExitReason, IntoChildSpec, Pid, process};
use otp_genserver::{Context, GenServer};

use crate::keys::{Key, Keys, Value};
use crate::shared::Shared;

/// It has nothing to do but to live: entries are changed by those whom they belong to.
pub(crate) struct Partition<K: Key, V: Value, M: Keys>(
    #[expect(dead_code, reason = "names the registry")] Part<K, V, M>,
);

pub(crate) struct Part<K: Key, V: Value, M: Keys> {
    shared: Arc<Shared<K, V, M>>,
    number: usize,
}

impl<K: Key, V: Value, M: Keys> Clone for Part<K, V, M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), number: self.number }
    }
}

impl<K: Key, V: Value, M: Keys> Partition<K, V, M> {
    /// The child of the registry's supervisor; its id is its number.
    pub(crate) fn spec(shared: &Arc<Shared<K, V, M>>, number: usize) -> ChildSpec {
        let label = format!("partition {number} of the registry {}", shared.name);
        Self::start_link(Part { shared: Arc::clone(shared), number }).label(label).child_spec().id(number)
    }
}

impl<K: Key, V: Value, M: Keys> GenServer for Partition<K, V, M> {
    type Args = Part<K, V, M>;
    type Call = Infallible;
    type Cast = Infallible;
    type Info = Infallible;
    type Continue = Infallible;

    async fn init(part: Part<K, V, M>, cx: &mut Context<Self>) -> Result<Self, InitError> {
        // Those who are linked to it die as they please.
        process::trap_exit(true)?;
        part.shared.open_partition(part.number, cx.pid())?;
        Ok(Self(part))
    }

    async fn handle_call(&mut self, call: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {}
    }

    async fn handle_cast(&mut self, cast: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }

    async fn handle_exit(&mut self, _: Pid, _: ExitReason, _: &mut Context<Self>) -> Result<(), ExitReason> {
        Ok(())
    }
}
