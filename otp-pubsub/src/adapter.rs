//! [`Adapter`]: the way to the same bus on other nodes. [`Local`] is the one of a bus that has none.

use std::error::Error;

use otp_core::ChildSpec;

use crate::pub_sub::{Message, Metadata, PubSub};

/// What an adapter fails with.
pub type AdapterError = Box<dyn Error + Send + Sync>;

/// Carries broadcasts to the same bus on other nodes, over whatever connects them: a broker, a database, a socket.
///
/// It is asked before anyone here gets the message; what it fails with, the broadcaster is told, and nobody gets it. What it takes
/// may get lost all the same: delivery to other nodes is at most once. What comes from there it hands out with
/// [`local_broadcast`](PubSub::local_broadcast), usually in the process that [`child`](Self::child) describes.
///
/// # Examples
///
/// ```
/// use otp_pubsub::{Adapter, AdapterError, PubSub};
///
/// /// All buses of this program, for a test without a network.
/// struct InMemory(std::sync::Arc<std::sync::Mutex<Vec<PubSub<String>>>>);
///
/// impl Adapter<String> for InMemory {
///     fn node_name(&self) -> String {
///         "a".to_owned()
///     }
///
///     fn broadcast(&self, topic: &str, message: &String) -> Result<(), AdapterError> {
///         for other in &*self.0.lock().map_err(|_| "poisoned")? {
///             other.local_broadcast(topic, message.clone())?;
///         }
///         Ok(())
///     }
///
///     fn direct_broadcast(&self, node: &str, _: &str, _: &String) -> Result<(), AdapterError> {
///         Err(format!("there is no node {node}").into())
///     }
/// }
///
/// let bus: PubSub<String> = PubSub::new("doc bus").adapter(InMemory(Default::default()));
/// assert_eq!(bus.node_name(), "a");
/// ```
///
/// # Counterpart
///
/// The behaviour `Phoenix.PubSub.Adapter`.
pub trait Adapter<M: Message, T: Metadata = ()>: Send + Sync + 'static {
    /// What this node is called among the others.
    fn node_name(&self) -> String;

    /// Sends a message to all other nodes.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from doing that.
    fn broadcast(&self, topic: &str, message: &M) -> Result<(), AdapterError>;

    /// Sends a message to one other node.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from doing that.
    fn direct_broadcast(&self, node: &str, topic: &str, message: &M) -> Result<(), AdapterError>;

    /// What receives from the other nodes, as a child of the bus beside its registry. None by default.
    fn child(&self, bus: &PubSub<M, T>) -> Option<ChildSpec> {
        let _ = bus;
        None
    }
}

/// The adapter of a bus that is alone: there are no other nodes.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing in it")]
pub struct Local;

impl<M: Message, T: Metadata> Adapter<M, T> for Local {
    /// `local`.
    fn node_name(&self) -> String {
        "local".to_owned()
    }

    fn broadcast(&self, _: &str, _: &M) -> Result<(), AdapterError> {
        Ok(())
    }

    fn direct_broadcast(&self, node: &str, _: &str, _: &M) -> Result<(), AdapterError> {
        Err(format!("there is no node {node}").into())
    }
}
