//! The master of an application: the process that starts it, waits for its end, and stops it.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use otp_core::behaviour::catch;
use otp_core::process::{self, send_exit, trap_exit};
use otp_core::{ExitReason, Mailbox, MonitorRef, Pid, Received};

use crate::app_spec::AppSpec;
use crate::callbacks::Live;
use crate::controller::Shared;
use crate::environment::Environment;
use crate::error::StartAppError;
use crate::report;
use crate::table::StopOrder;

/// How long processes that are linked to the master may take to end, once the tree is gone or never was.
const SWEEP: Duration = Duration::from_secs(5);

/// How long what a start has begun may take to shut down, when the application is told to stop before it has started.
const PATIENCE: Duration = Duration::from_secs(30);

/// One application, from its start to its end. The result is the reason of its end.
pub(crate) async fn run(
    mailbox: Mailbox<StopOrder>,
    shared: Arc<Shared>,
    spec: AppSpec,
    environment: Environment,
) -> ExitReason {
    // Cannot fail: this is a process.
    let _ = trap_exit(true);
    let mut master = Master { mailbox, told_to_stop: false, top: None, ended: Vec::new() };
    let outcome = master.start(&spec, &environment).await;
    let (mut live, error) = match outcome {
        Ok(live) => (live, None),
        Err((live, error)) => {
            let Some(live) = live else {
                master.sweep().await;
                return fail(&shared, &spec, error);
            };
            (live, Some(error))
        }
    };
    if error.is_none() && shared.table.lock().started(&spec.name) {
        report::started(&spec.name, Some(live.top));
    }
    let end = match &error {
        Some(_) => None,
        None => master.serve(live.top).await,
    };
    let name = &spec.name;
    told(name, "prep_stop", guarded(live.state.prep_stop()).await);
    if end.is_none() {
        master.shut_down(live.top).await;
    }
    // A panic of `stop` itself, or of the function that makes its future.
    let stopping = catch(|| live.state.stop());
    let stopped = match stopping {
        Ok(stopping) => guarded(stopping).await,
        Err(reason) => Err(reason),
    };
    told(name, "stop", stopped);
    master.sweep().await;
    match error {
        Some(error) => fail(&shared, &spec, error),
        None => end.unwrap_or(ExitReason::Normal),
    }
}

fn fail(shared: &Shared, spec: &AppSpec, error: StartAppError) -> ExitReason {
    let reason = match &error {
        StartAppError::Failed { reason, .. } => reason.clone(),
        error => ExitReason::new(error.to_string()),
    };
    shared.table.lock().start_failed(&spec.name, error);
    reason
}

fn told(application: &str, callback: &str, outcome: Result<(), ExitReason>) {
    if let Err(reason) = outcome {
        report::callback_failed(application, callback, &reason);
    }
}

struct Master {
    mailbox: Mailbox<StopOrder>,
    told_to_stop: bool,
    /// The top supervisor, once it is known. It is linked, and may undo that: the monitor it cannot.
    top: Option<(Pid, MonitorRef)>,
    /// Linked processes that ended while the application started, and the top supervisor if it has.
    ended: Vec<(Pid, ExitReason)>,
}

impl Master {
    /// Runs the start function and the phases. With the error comes what runs nevertheless, and is to be stopped.
    async fn start(
        &mut self,
        spec: &AppSpec,
        environment: &Environment,
    ) -> Result<Live, (Option<Live>, StartAppError)> {
        let failed = |reason| StartAppError::Failed { application: spec.name.clone(), reason };
        let Some(callbacks) = &spec.callbacks else { unreachable!("a library has no master") };
        let starting = match catch(|| callbacks.start(environment)) {
            Ok(Ok(starting)) => starting,
            Ok(Err(error)) => return Err((None, error.into())),
            Err(reason) => return Err((None, failed(reason))),
        };
        let mut live = match self.unless_told(starting, None).await {
            Ok(Ok(live)) => live,
            Ok(Err(reason)) | Err(reason) => return Err((None, failed(reason))),
        };
        // Who ended before this is heard of below.
        let (Ok(()), Ok(monitor)) = (process::link(live.top), process::monitor(live.top)) else {
            unreachable!("this is a process")
        };
        self.top = Some((live.top, monitor));
        for phase in spec.phases {
            if self.told_to_stop {
                break;
            }
            let running = match catch(|| live.state.start_phase(phase)) {
                Ok(running) => self.unless_told(running, Some(live.top)).await,
                Err(reason) => Err(reason),
            };
            if let Ok(Err(reason)) | Err(reason) = running {
                return Err((Some(live), failed(reason)));
            }
        }
        Ok(live)
    }

    /// Runs a part of the start to its end. Told to stop meanwhile, it tells everything that has been started, and goes on
    /// until that has ended; a phase, whose tree runs, is dropped at once. The death of `top` is its failure.
    async fn unless_told<T>(
        &mut self,
        mut part: Pin<Box<dyn Future<Output = T> + Send + '_>>,
        top: Option<Pid>,
    ) -> Result<T, ExitReason> {
        let mut told = BTreeSet::new();
        // From when it is told to stop; then it is given up, and what is left is swept away.
        let mut limit = None;
        let outcome = poll_fn(|cx| {
            loop {
                if self.told_to_stop
                    && limit
                        .get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)))
                        .as_mut()
                        .poll(cx)
                        .is_ready()
                {
                    return Poll::Ready(Err(ExitReason::Shutdown));
                }
                match catch(|| part.as_mut().poll(cx)) {
                    Ok(Poll::Ready(outcome)) => return Poll::Ready(Ok(outcome)),
                    Err(reason) => return Poll::Ready(Err(reason)),
                    Ok(Poll::Pending) => {}
                }
                match self.mailbox.poll_receive(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(received) => self.note(received),
                }
                if let Some(reason) = top.and_then(|top| self.end_of(top)) {
                    return Poll::Ready(Err(reason));
                }
                if self.told_to_stop {
                    if top.is_some() {
                        return Poll::Ready(Err(ExitReason::Shutdown));
                    }
                    let mut linked = links();
                    if linked.is_empty() {
                        return Poll::Ready(Err(ExitReason::Shutdown));
                    }
                    linked.retain(|pid| told.insert(*pid));
                    linked.into_iter().rev().for_each(|pid| send_exit(pid, ExitReason::Shutdown));
                    // The loop goes on: the limit begins.
                }
            }
        })
        .await;
        // Foreign destructors.
        catch(|| drop(part))?;
        outcome
    }

    /// Waits until the tree ends, which gives the reason, or until told to stop it.
    async fn serve(&mut self, top: Pid) -> Option<ExitReason> {
        loop {
            if let Some(reason) = self.end_of(top) {
                return Some(reason);
            }
            if self.told_to_stop {
                return None;
            }
            let received = self.mailbox.receive().await;
            self.note(received);
        }
    }

    /// Shuts the tree down, however long that takes: each of its parts has its own limit.
    async fn shut_down(&mut self, top: Pid) {
        if self.end_of(top).is_none() {
            send_exit(top, ExitReason::Shutdown);
        }
        while self.end_of(top).is_none() {
            let received = self.mailbox.receive().await;
            self.note(received);
        }
    }

    fn note(&mut self, received: Received<StopOrder>) {
        match received {
            Received::Message(StopOrder) => self.told_to_stop = true,
            Received::Exit { from, reason } if self.top.is_none_or(|(top, _)| top == from) => {
                self.ended.push((from, reason));
            }
            // After its EXIT, which knows the reason also of one that was dead already.
            Received::Down(down) => {
                if let Some((top, monitor)) = self.top
                    && down.monitor == monitor
                {
                    self.ended.push((top, down.reason));
                }
            }
            Received::Exit { .. } => {}
        }
    }

    /// Why a process has ended, if that was noted.
    fn end_of(&self, pid: Pid) -> Option<ExitReason> {
        self.ended.iter().find(|(ended, _)| *ended == pid).map(|(_, reason)| reason.clone())
    }

    /// Ends what is still linked to the master.
    async fn sweep(&mut self) {
        for order in [ExitReason::Shutdown, ExitReason::Kill] {
            let left = links();
            left.iter().rev().for_each(|pid| send_exit(*pid, order.clone()));
            let limit = tokio::time::Instant::now() + SWEEP;
            while !links().is_empty() {
                let rest = limit.saturating_duration_since(tokio::time::Instant::now());
                if self.mailbox.receive_timeout(rest).await.is_none() {
                    break;
                }
            }
        }
    }
}

/// The processes that are linked to the current one, in the order of their start.
fn links() -> Vec<Pid> {
    let mut links = process::current().and_then(process::info).map(|info| info.links).unwrap_or_default();
    links.sort();
    links
}

/// Runs a callback; a panic is its failure.
async fn guarded(mut callback: Pin<Box<dyn Future<Output = ()> + Send + '_>>) -> Result<(), ExitReason> {
    let outcome = poll_fn(|cx| match catch(|| callback.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(reason) => Poll::Ready(Err(reason)),
    })
    .await;
    // Foreign destructors.
    catch(|| drop(callback))?;
    outcome
}
