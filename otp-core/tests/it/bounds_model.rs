//! A bounded mailbox agrees with a model of its policy, whatever is done to it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use otp_core::process::{self, Spawn};
use otp_core::{ExitReason, Mailbox, Overflow, ProcessRef, Received, SendErrorKind, SendWait, Waiting};
use proptest::prelude::*;
use tokio::sync::oneshot;
use tokio::task::unconstrained;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Message(u32),
    Signal(u32),
}

/// One step; messages are numbered in the order of the steps.
#[derive(Debug, Clone, Copy)]
enum Act {
    Send,
    TrySend,
    SendWait,
    /// Polls the sender at this place.
    Poll(usize),
    GiveUp(usize),
    Signal,
    Receive,
    /// Receives the first message or signal whose number leaves this when divided by 3.
    ReceiveWhere(u32),
    /// Keeps what was just received to the end.
    Keep,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Send),
        4 => Just(Act::TrySend),
        5 => Just(Act::SendWait),
        4 => (0_usize..6).prop_map(Act::Poll),
        2 => (0_usize..6).prop_map(Act::GiveUp),
        2 => Just(Act::Signal),
        6 => Just(Act::Receive),
        4 => (0_u32..3).prop_map(Act::ReceiveWhere),
        1 => Just(Act::Keep),
    ]
}

/// What a bound promises, without any of the machinery.
struct Model {
    limit: usize,
    overflow: Overflow,
    items: VecDeque<Item>,
    senders: Vec<u32>,
    dropped: u64,
}

impl Model {
    fn waiting(&self) -> usize {
        self.items.iter().filter(|item| matches!(item, Item::Message(_))).count()
    }

    fn push(&mut self, n: u32) -> Result<(), SendErrorKind> {
        if self.waiting() + self.senders.len() >= self.limit {
            match self.overflow {
                Overflow::DropNew => {
                    self.dropped += 1;
                    return Ok(());
                }
                Overflow::DropOldest => {
                    if let Some(at) = self.items.iter().position(|item| matches!(item, Item::Message(_))) {
                        self.items.remove(at);
                        self.dropped += 1;
                    }
                }
                _ => return Err(SendErrorKind::Full),
            }
        }
        self.items.push_back(Item::Message(n));
        Ok(())
    }

    /// Whether the sender at this place, or a new one behind them all, has sent.
    fn poll(&mut self, at: usize) -> bool {
        let sent = self.waiting() + at < self.limit;
        if sent {
            let n = self.senders.remove(at);
            self.items.push_back(Item::Message(n));
        }
        sent
    }

    fn take(&mut self, wanted: impl Fn(Item) -> bool) -> Option<Item> {
        let at = self.items.iter().position(|item| wanted(*item))?;
        self.items.remove(at)
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Real {
    process: ProcessRef<u32>,
    mailbox: Mailbox<u32>,
    senders: Vec<(SendWait<u32>, Arc<Woken>)>,
}

impl Real {
    async fn new(limit: usize, overflow: Overflow) -> Self {
        let (give, given) = oneshot::channel();
        let (process, _) = Spawn::new().bound(limit, overflow).spawn(|mailbox| async move {
            process::trap_exit(true).expect("in a process");
            give.send(mailbox).ok();
            std::future::pending::<()>().await;
        });
        Self { process, mailbox: given.await.expect("it runs"), senders: Vec::new() }
    }

    fn poll(&mut self, at: usize) -> bool {
        let (wait, woken) = &mut self.senders[at];
        woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(woken));
        match Pin::new(wait).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => false,
            Poll::Ready(sent) => {
                sent.expect("it lives");
                drop(self.senders.remove(at));
                true
            }
        }
    }

    async fn take(&mut self, wanted: impl Fn(Item) -> bool) -> Option<Item> {
        let number = |reason: &ExitReason| reason.to_string().parse().expect("a number");
        let received = {
            let mut receive = pin!(unconstrained(self.mailbox.receive_where(|it| wanted(match it {
                Waiting::Message(n) => Item::Message(*n),
                Waiting::Exit { reason, .. } => Item::Signal(number(reason)),
                Waiting::Down(down) => unreachable!("{down:?}"),
            }))));
            poll_fn(|cx| Poll::Ready(receive.as_mut().poll(cx))).await
        };
        item(received)
    }

    async fn receive(&mut self) -> Option<Item> {
        let received = {
            let mut receive = pin!(unconstrained(self.mailbox.receive()));
            poll_fn(|cx| Poll::Ready(receive.as_mut().poll(cx))).await
        };
        item(received)
    }
}

fn item(received: Poll<Received<u32>>) -> Option<Item> {
    match received {
        Poll::Pending => None,
        Poll::Ready(Received::Message(n)) => Some(Item::Message(n)),
        Poll::Ready(Received::Exit { reason, .. }) => {
            Some(Item::Signal(reason.to_string().parse().expect("a number")))
        }
        Poll::Ready(Received::Down(down)) => unreachable!("{down:?}"),
    }
}

async fn play(limit: usize, overflow: Overflow, acts: &[Act]) -> Result<(), TestCaseError> {
    let mut real = Real::new(limit, overflow).await;
    let mut model = Model { limit, overflow, items: VecDeque::new(), senders: Vec::new(), dropped: 0 };
    let pid = real.process.pid();
    let mut last = None;
    for (act, n) in acts.iter().zip(0..) {
        match *act {
            Act::Send => {
                real.process.send(n);
                model.dropped += u64::from(model.push(n).is_err());
            }
            Act::TrySend => {
                let sent = real.process.try_send(n).map_err(|error| error.kind());
                prop_assert_eq!(sent, model.push(n), "what try_send({}) says", n);
            }
            Act::SendWait => {
                real.senders.push((real.process.send_wait(n), Arc::default()));
                model.senders.push(n);
                let at = model.senders.len() - 1;
                prop_assert_eq!(real.poll(at), model.poll(at), "whether {} was sent at once", n);
            }
            Act::Poll(at) if at < model.senders.len() => {
                prop_assert_eq!(real.poll(at), model.poll(at), "whether sender {} has sent", at);
            }
            Act::GiveUp(at) if at < model.senders.len() => {
                drop(real.senders.remove(at));
                model.senders.remove(at);
            }
            Act::Poll(_) | Act::GiveUp(_) => {}
            Act::Signal => {
                process::send_exit(pid, ExitReason::new(n.to_string()));
                model.items.push_back(Item::Signal(n));
            }
            Act::Receive => {
                last = real.receive().await;
                prop_assert_eq!(last, model.items.pop_front(), "what was received");
            }
            Act::ReceiveWhere(rest) => {
                let wanted = |item: Item| match item {
                    Item::Message(n) | Item::Signal(n) => n % 3 == rest,
                };
                last = real.take(wanted).await;
                prop_assert_eq!(last, model.take(wanted), "what was taken out");
            }
            Act::Keep => {
                if let Some(Item::Message(n)) = last.take() {
                    real.mailbox.keep(n);
                }
            }
        }
        let info = process::info(pid).expect("alive");
        prop_assert_eq!(info.dropped, model.dropped, "how many were dropped, after step {}", n);
        prop_assert_eq!(info.mailbox_len, model.items.len(), "how many wait, after step {}", n);
        prop_assert!(model.waiting() <= limit);
        if model.waiting() < limit && !model.senders.is_empty() {
            let woken = real.senders[0].1.0.load(Ordering::SeqCst);
            prop_assert!(woken, "there is room, and the first who waits for it sleeps, after step {}", n);
        }
    }
    let mut rest = Vec::new();
    while let Some(item) = real.receive().await {
        rest.push(item);
    }
    prop_assert_eq!(rest, Vec::from(model.items), "what is left");
    process::send_exit(pid, ExitReason::Kill);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_bounded_mailbox_agrees_with_its_model(
        limit in 1_usize..5,
        overflow in prop_oneof![
            Just(Overflow::Reject), Just(Overflow::DropOldest), Just(Overflow::DropNew), Just(Overflow::Wait)
        ],
        acts in prop::collection::vec(act(), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(play(limit, overflow, &acts))?;
    }
}
