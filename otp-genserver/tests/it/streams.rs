//! Streams that feed `handle_info`.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context as TaskContext, Poll};

use futures_core::Stream;
use futures_util::{StreamExt, stream};
use otp_genserver::process::send_exit;
use otp_genserver::{Context, ExitReason, GenServer, InitError, ServerRef, sys};
use tokio::sync::mpsc;

use crate::support::{
    Log, Outcome, Plan, Probe, Run, Stopwatch, Tell, Watch, busy, expect_panic, ms, run, settle,
};

/// An info that logs a line.
fn line(text: impl Into<String>) -> Run {
    let text = text.into();
    run(move |probe, _| {
        probe.log.add(text);
        Ok(())
    })
}

/// The items that are sent, as a stream.
struct Receiver<T>(mpsc::UnboundedReceiver<T>);

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<T>> {
        self.0.poll_recv(cx)
    }
}

/// A server that listens to what is sent here.
async fn listening() -> (ServerRef<Probe>, Log, mpsc::UnboundedSender<Run>) {
    let (server, log) = Plan::new().up().await;
    let (sender, receiver) = mpsc::unbounded_channel();
    add(&server, Receiver(receiver));
    settle().await;
    (server, log, sender)
}

fn add<St: Stream<Item = Run> + Send + 'static>(server: &ServerRef<Probe>, stream: St) {
    server.tell(move |_, cx| {
        cx.add_stream(stream);
        Ok(())
    });
}

#[otp_genserver::test]
async fn items_reach_handle_info_as_they_come_and_in_their_order() {
    let (server, log, sender) = listening().await;
    sender.send(line("a")).unwrap();
    sender.send(line("b")).unwrap();
    settle().await;
    assert_eq!(log.lines(), ["init", "a", "b"]);
    assert_eq!(server.count().await, Ok(0));
    sender.send(line("c")).unwrap();
    settle().await;
    assert_eq!(log.lines(), ["init", "a", "b", "c"]);
}

#[otp_genserver::test]
async fn several_streams_are_heard_and_one_that_ends_goes_away() {
    let (server, log, sender) = listening().await;
    add(&server, stream::iter(["x", "y"]).map(line));
    let (second, receiver) = mpsc::unbounded_channel();
    add(&server, Receiver(receiver));
    settle().await;
    assert_eq!(log.lines(), ["init", "x", "y"]);
    sender.send(line("first")).unwrap();
    settle().await;
    second.send(line("second")).unwrap();
    settle().await;
    assert_eq!(log.lines()[3..], ["first", "second"]);
    drop((sender, second));
    settle().await;
    add(&server, stream::iter(["z"]).map(line));
    settle().await;
    assert_eq!(log.lines()[5..], ["z"], "also after all have ended");
    assert!(server.is_alive());
}

/// Counts how often an item was taken.
fn endless(taken: &Arc<AtomicU32>) -> impl Stream<Item = Run> + Send + 'static {
    let taken = Arc::clone(taken);
    stream::repeat_with(move || {
        taken.fetch_add(1, Ordering::Relaxed);
        run(|probe, _| {
            probe.count += 1;
            Ok(())
        })
    })
}

#[otp_genserver::test]
async fn an_item_is_taken_when_it_is_handled_and_not_before() {
    let taken = Arc::new(AtomicU32::new(0));
    let (server, _) = Plan::new().up().await;
    add(&server, endless(&taken));
    let release = busy(&server).await;
    let before = taken.load(Ordering::Relaxed);
    settle().await;
    assert_eq!(taken.load(Ordering::Relaxed), before, "the server is busy");
    release.send(()).unwrap();
    settle().await;
    assert!(taken.load(Ordering::Relaxed) > before);
    let counts = server.ask(|probe, reply, _| {
        reply.send(probe.count);
        Ok(())
    });
    let handled = counts.await.unwrap();
    assert!(handled > i64::from(before));
}

#[otp_genserver::test]
async fn a_stream_that_is_always_ready_and_a_full_mailbox_get_the_same_share() {
    let taken = Arc::new(AtomicU32::new(0));
    let (server, _) = Plan::new().up().await;
    let release = busy(&server).await;
    add(&server, endless(&taken));
    for _ in 0..1000 {
        server.tell(|_, _| Ok(()));
    }
    let last = server.count();
    release.send(()).unwrap();
    let handled = last.await.unwrap();
    assert!((900..=1100).contains(&handled), "{handled} items beside 1000 messages");
    server.stop().await.unwrap();
}

/// Two streams that are always ready.
#[otp_genserver::test]
async fn streams_that_are_always_ready_share_and_let_other_tasks_run() {
    let first = Arc::new(AtomicU32::new(0));
    let second = Arc::new(AtomicU32::new(0));
    let (server, _) = Plan::new().up().await;
    add(&server, endless(&first));
    add(&server, endless(&second));
    settle().await;
    let (first, second) = (first.load(Ordering::Relaxed), second.load(Ordering::Relaxed));
    assert!(first > 100 && first.abs_diff(second) < first / 2, "{first}, {second}");
}

#[otp_genserver::test]
async fn a_panic_in_a_stream_crashes_the_server_after_terminate() {
    let (server, log) = Plan::new().up().await;
    let watch = Watch::on(server.pid()).await;
    add(&server, stream::once(async { panic!("in the stream") }));
    expect_panic(&watch.down().await, "in the stream");
    assert_eq!(log.terminations().len(), 1);
}

#[otp_genserver::test]
async fn streams_are_dropped_when_the_server_ends() {
    for killed in [false, true] {
        let (server, _, sender) = listening().await;
        assert!(!sender.is_closed());
        if killed {
            send_exit(server.pid(), ExitReason::Kill);
            settle().await;
        } else {
            server.stop().await.unwrap();
        }
        assert!(sender.is_closed(), "killed: {killed}");
    }
}

#[otp_genserver::test]
async fn a_suspended_server_does_not_listen() {
    let (server, log, sender) = listening().await;
    sys::suspend(&server).await.unwrap();
    sender.send(line("a")).unwrap();
    settle().await;
    assert_eq!(log.lines(), ["init"]);
    sys::resume(&server).await.unwrap();
    settle().await;
    assert_eq!(log.lines(), ["init", "a"]);
}

#[otp_genserver::test]
async fn an_item_ends_a_pending_timeout_as_a_message_does() {
    let _clock = Stopwatch::paused();
    let (server, log, sender) = listening().await;
    server.tell(|_, cx| {
        cx.set_timeout(ms(50));
        Ok(())
    });
    tokio::time::sleep(ms(40)).await;
    sender.send(line("a")).unwrap();
    tokio::time::sleep(ms(500)).await;
    assert_eq!(log.lines(), ["init", "a"]);
    server.tell(|_, cx| {
        cx.set_timeout(ms(50));
        Ok(())
    });
    tokio::time::sleep(ms(60)).await;
    assert_eq!(log.lines(), ["init", "a", "timeout"]);
}

/// A server whose info is made from the items.
struct Words(Vec<String>);

impl GenServer for Words {
    type Args = ();
    type Call = ();
    type Cast = ();
    type Info = String;
    type Continue = ();

    async fn init((): (), cx: &mut Context<Self>) -> Result<Self, InitError> {
        cx.add_stream(stream::iter(["one", "two"]));
        cx.add_stream(stream::iter(['3']));
        Ok(Self(Vec::new()))
    }

    async fn handle_call(&mut self, (): (), _: &mut Context<Self>) -> Outcome {
        Ok(())
    }

    async fn handle_cast(&mut self, (): (), _: &mut Context<Self>) -> Outcome {
        Ok(())
    }

    async fn handle_info(&mut self, word: String, _: &mut Context<Self>) -> Outcome {
        self.0.push(word);
        Ok(())
    }
}

#[otp_genserver::test]
async fn items_become_infos_and_init_may_add_streams() {
    let words = Words::start(()).await.unwrap();
    settle().await;
    let mut heard = sys::get_state(&words, |words| words.0.clone()).await.unwrap();
    heard.sort();
    assert_eq!(heard, ["3", "one", "two"]);
}

/// Never has an item, and may panic when it is dropped.
struct Fragile(Receiver<Run>, Option<Log>);

impl Stream for Fragile {
    type Item = Run;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Run>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        if let Some(log) = &self.1 {
            log.add("stream dropped");
            panic!("in the stream's destructor");
        }
    }
}

#[otp_genserver::test]
async fn a_panic_in_the_destructor_of_a_stream_keeps_no_other_stream_alive() {
    for end in ["drain", "stop", "kill"] {
        let (server, log) = Plan::new().up().await;
        let senders = [false, true, false, true, false].map(|panics| {
            let (sender, receiver) = mpsc::unbounded_channel();
            add(&server, Fragile(Receiver(receiver), panics.then(|| log.clone())));
            sender
        });
        settle().await;
        match end {
            "drain" => server.stop().drain().await.unwrap(),
            "stop" => server.stop().await.unwrap(),
            _ => {
                send_exit(server.pid(), ExitReason::Kill);
                settle().await;
            }
        }
        assert!(senders.iter().all(mpsc::UnboundedSender::is_closed), "{end}");
        assert_eq!(log.count("stream dropped"), 2);
        assert_eq!(log.count("state dropped"), 1);
    }
}

#[otp_genserver::test]
async fn a_panic_in_the_destructor_of_a_stream_that_ends_crashes_the_server() {
    let (server, log) = Plan::new().up().await;
    let watch = Watch::on(server.pid()).await;
    let (sender, receiver) = mpsc::unbounded_channel();
    add(&server, Fragile(Receiver(receiver), Some(log.clone())));
    settle().await;
    drop(sender);
    expect_panic(&watch.down().await, "in the stream's destructor");
    assert_eq!((log.count("stream dropped"), log.terminations().len()), (1, 1));
}
