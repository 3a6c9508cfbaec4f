//! [`Feeds`]: the streams that a server listens to, besides its mailbox.
//!
//! They are polled by the server's own task, when it is ready for a message: an item is taken when it is handled, and not
//! before.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::SelectAll;
use otp_core::Mailbox;
use otp_core::behaviour::{Item, catch};
use tokio::task::coop;

use crate::contained::Contained;
use crate::context::poll_item;
use crate::exclusive::Exclusive;
use crate::message::{ServerMessage, System};
use crate::server::GenServer;

/// One of them. What its destructor does must not keep the others from being dropped.
struct Feed<T>(Contained<Pin<Box<dyn Stream<Item = T> + Send>>>);

impl<T> Stream for Feed<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<T>> {
        let Some(stream) = self.0.get_mut() else { return Poll::Ready(None) };
        let item = ready!(stream.as_mut().poll_next(task));
        if item.is_none() {
            // Its end is part of its work: a panic in it is a panic of the stream.
            self.0.drop_openly();
        }
        Poll::Ready(item)
    }
}

/// Polls only those streams that were woken, in turn.
pub(crate) struct Feeds<S: GenServer> {
    streams: Exclusive<SelectAll<Feed<S::Info>>>,
    /// Whether the mailbox had the last turn.
    streams_first: bool,
}

impl<S: GenServer> Default for Feeds<S> {
    fn default() -> Self {
        Self { streams: Exclusive::new(SelectAll::new()), streams_first: false }
    }
}

impl<S: GenServer> Feeds<S> {
    pub(crate) fn add(&mut self, stream: impl Stream<Item: Into<S::Info>> + Send + 'static) {
        self.streams.get_mut().push(Feed(Contained::new(Box::pin(stream.map(Into::into)))));
    }

    pub(crate) fn is_empty(&mut self) -> bool {
        self.streams.get_mut().is_empty()
    }

    /// The next message, from the mailbox and the streams by turns. `Err` when this poll has used up its share: then
    /// neither may be called empty.
    pub(crate) fn poll_next(
        &mut self,
        mailbox: &mut Mailbox<ServerMessage<S>>,
        task: &mut TaskContext<'_>,
    ) -> Result<Poll<Item<ServerMessage<S>>>, Exhausted> {
        // Nor may a stream hold up a caller that polls the server in place.
        if mailbox.is_guest_served() {
            task.waker().wake_by_ref();
            return Err(Exhausted);
        }
        // Streams need not take part in tokio's budget; a server that one of them keeps busy does.
        let Poll::Ready(budget) = coop::poll_proceed(task) else { return Err(Exhausted) };
        let streams_first = self.streams_first;
        let mut polled = if streams_first { self.poll_streams(task) } else { poll_item(mailbox, task) };
        self.streams_first = !streams_first;
        if polled.is_pending() {
            polled = if streams_first { poll_item(mailbox, task) } else { self.poll_streams(task) };
            self.streams_first = streams_first;
        }
        if polled.is_ready() {
            budget.made_progress();
        }
        Ok(polled)
    }

    fn poll_streams(&mut self, task: &mut TaskContext<'_>) -> Poll<Item<ServerMessage<S>>> {
        let polled = catch(|| self.streams.get_mut().poll_next_unpin(task));
        let message = match polled {
            Ok(polled) => match ready!(polled) {
                Some(info) => ServerMessage::Info(info),
                None => return Poll::Pending,
            },
            Err(reason) => ServerMessage::System(Box::new(System::End(reason))),
        };
        Poll::Ready(Item::Message(message))
    }
}

/// The poll has used up its share of tokio's budget.
pub(crate) struct Exhausted;
