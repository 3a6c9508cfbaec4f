//! Names and other destinations.

use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use otp_core::{Mailbox, ProcessName};
use otp_genserver::process::{self, send_exit};
use otp_genserver::{
    CallError, Destination, ExitReason, GenServer, Name, Pid, ResolveError, ServerRef, StartError, StopError,
};

use crate::support::{
    Other, Plan, Probe, Tell, Watch, Way, count_of, expect_start_error, settle, unique_name,
};

const PROBE: Name<Probe> = Name::new("the-probe");

#[otp_genserver::test]
async fn a_const_name_an_owned_name_and_a_process_name_are_the_same() {
    assert_eq!(PROBE, Name::owned("the-probe"));
    assert_eq!(PROBE, Name::from(String::from("the-probe")));
    assert_eq!(PROBE, Name::from(ProcessName::new("the-probe")));
    assert_eq!(PROBE, "the-probe".into());
    assert_ne!(PROBE, Name::owned("another-probe"));
    assert_eq!((PROBE.as_str(), PROBE.to_string().as_str()), ("the-probe", "the-probe"));
    assert_eq!(format!("{PROBE:?}"), "Name(\"the-probe\")");
    let server = Plan::new().start().name(Name::owned("the-probe")).await.unwrap();
    assert_eq!(PROBE.whereis(), Some(server.pid()));
    assert_eq!(PROBE.call(count_of).await, Ok(0));
    assert_eq!(process::info(server.pid()).unwrap().name, Some(ProcessName::new("the-probe")));
}

#[otp_genserver::test]
async fn gs_080_whereis_and_resolve() {
    let name = unique_name::<Probe>();
    assert_eq!(name.whereis(), None);
    assert_eq!(name.resolve(), Err(ResolveError::NoProc));
    let server = Plan::new().start().name(name.clone()).await.unwrap();
    assert_eq!(name.whereis(), Some(server.pid()));
    assert_eq!(name.resolve(), Ok(server.clone()));
    assert_eq!(server.resolve(), Ok(server.clone()));
    assert_eq!(ServerRef::of(server.pid()), Ok(server.clone()));
    assert_eq!(ServerRef::<Other>::of(server.pid()), Err(ResolveError::WrongServer(server.pid())));
    server.stop().await.unwrap();
    assert_eq!(name.whereis(), None);
    assert_eq!(ServerRef::<Probe>::of(server.pid()), Err(ResolveError::NoProc));
}

#[otp_genserver::test]
async fn gs_044_a_name_that_was_given_up_leads_nowhere() {
    let name = unique_name::<Probe>();
    let server = Plan::new().start().name(name.clone()).await.unwrap();
    process::unregister(name.as_str()).unwrap();
    assert_eq!(name.call(count_of).await, Err(CallError::NoProc));
    assert_eq!(name.stop().await, Err(StopError::NoProc));
    assert_eq!(server.count().await, Ok(0), "the server lives");
}

#[otp_genserver::test]
async fn gs_013_a_name_is_free_before_anyone_hears_of_the_death() {
    for way in Way::ALL {
        let name = unique_name::<Probe>();
        let server = Plan::new().start().name(name.clone()).await.unwrap();
        let watch = Watch::on(server.pid()).await;
        server.tell(move |_, cx| way.end(cx));
        way.expect_reason(&watch.down().await);
        Plan::new().start().name(name).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
    }
}

/// Looks, at the very moment it is woken, whether the server can still be found.
struct Spy {
    name: Name<Probe>,
    pid: Pid,
    found: Mutex<Vec<bool>>,
}

impl Wake for Spy {
    fn wake(self: Arc<Self>) {
        let found = self.name.whereis().is_some() || process::is_alive(self.pid);
        self.found.lock().expect("nothing panics under this lock").push(found);
    }
}

impl Spy {
    fn on(name: &Name<Probe>) -> Arc<Self> {
        let pid = name.whereis().expect("the server has its name");
        Arc::new(Self { name: name.clone(), pid, found: Mutex::default() })
    }

    fn poll<F: Future>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut TaskContext::from_waker(&Waker::from(Arc::clone(self))))
    }

    fn saw(&self) -> Vec<bool> {
        self.found.lock().expect("nothing panics under this lock").clone()
    }
}

#[otp_genserver::test]
async fn gs_013_the_name_is_free_the_moment_a_caller_a_link_or_a_monitor_is_woken() {
    for way in Way::ALL {
        let name = unique_name::<Probe>();
        let server = Plan::new().start().name(name.clone()).await.unwrap();
        let pid = server.pid();
        let (caller, monitor, link) = (Spy::on(&name), Spy::on(&name), Spy::on(&name));
        let mut call = pin!(server.keep());
        assert!(caller.poll(call.as_mut()).is_pending());
        let mut monitoring = pin!(otp_core::attach_with(async |mut mailbox: Mailbox<()>| {
            process::monitor(pid).expect("this is a process");
            mailbox.receive().await
        }));
        assert!(monitor.poll(monitoring.as_mut()).is_pending());
        let mut linked = pin!(otp_core::attach_with(async |mut mailbox: Mailbox<()>| {
            process::trap_exit(true).expect("this is a process");
            process::link(pid).expect("this is a process");
            mailbox.receive().await
        }));
        assert!(link.poll(linked.as_mut()).is_pending());
        server.tell(move |_, cx| way.end(cx));
        settle().await;
        for spy in [caller, monitor, link] {
            assert_eq!(spy.saw(), [false], "{way:?}");
        }
    }
}

#[otp_genserver::test]
async fn gs_013_a_name_is_held_until_the_state_is_dropped() {
    let name = unique_name::<Probe>();
    let (seen, by_name) = (Arc::new(Mutex::new(None)), name.clone());
    let in_drop = Arc::clone(&seen);
    let plan = Plan::new().on_drop(move || *in_drop.lock().unwrap() = Some(by_name.whereis().is_some()));
    plan.start().name(name.clone()).await.unwrap().stop().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), Some(true), "whoever gets the name finds no remains");
    assert_eq!(name.whereis(), None);
}

#[otp_genserver::test]
async fn a_name_finds_the_restarted_server() {
    let name = unique_name::<Probe>();
    let first = Plan::new().start().name(name.clone()).await.unwrap();
    send_exit(first.pid(), ExitReason::Kill);
    settle().await;
    let second = Plan::new().start().name(name.clone()).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(name.resolve(), Ok(second));
    assert_eq!(first.count().await, Err(CallError::NoProc));
    assert_eq!(name.call(count_of).await, Ok(0));
}

#[otp_genserver::test]
async fn wrong_server_is_told_by_every_operation_through_a_name() {
    let name = unique_name::<Other>();
    let probe = Plan::new().start().name(Name::owned(name.as_str())).await.unwrap();
    assert_eq!(name.resolve(), Err(ResolveError::WrongServer(probe.pid())));
    assert_eq!(name.call(|reply| reply).await, Err(CallError::WrongServer(probe.pid())));
    assert_eq!(name.stop().await, Err(StopError::WrongServer(probe.pid())));
    assert_eq!(name.whereis(), Some(probe.pid()));
    assert!(probe.is_alive());
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn gs_013_of_many_starts_under_one_name_one_succeeds() {
    for _ in 0..20 {
        let name = unique_name::<Probe>();
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let name = name.clone();
                crate::support::plain_task(async move { Plan::new().start().name(name).await })
            })
            .collect();
        let mut winners = Vec::new();
        let mut holders = Vec::new();
        for start in starts {
            match start.await.unwrap() {
                Ok(server) => winners.push(server),
                Err(StartError::AlreadyStarted(pid)) => holders.push(pid),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(winners.len(), 1);
        assert!(holders.iter().all(|&pid| pid == winners[0].pid()));
    }
}

/// A registry of one's own, as `via` names are.
#[derive(Clone, Default)]
struct Via(Arc<Mutex<HashMap<&'static str, ServerRef<Probe>>>>);

struct ViaName(Via, &'static str);

impl Destination<Probe> for ViaName {
    fn resolve(&self) -> Result<ServerRef<Probe>, ResolveError> {
        let Self(Via(servers), key) = self;
        servers.lock().expect("nothing panics under this lock").get(key).cloned().ok_or(ResolveError::NoProc)
    }
}

#[otp_genserver::test]
async fn gs_082_lookup_and_send_go_through_the_given_registry() {
    let via = Via::default();
    let (one, two) = (ViaName(via.clone(), "one"), ViaName(via.clone(), "two"));
    let (server, log) = Plan::new().up().await;
    via.0.lock().unwrap().insert("one", server.clone());
    assert_eq!(one.call(count_of).await, Ok(0));
    one.cast(crate::support::run(|probe, _| {
        probe.log.add("cast");
        Ok(())
    }));
    settle().await;
    assert_eq!(log.count("cast"), 1);
    assert_eq!(two.call(count_of).await, Err(CallError::NoProc));
    two.cast(crate::support::run(|_, _| Ok(())));
    assert!(two.try_cast(crate::support::run(|_, _| Ok(()))).is_err());
    server.stop().await.unwrap();
    assert_eq!(one.call(count_of).await, Err(CallError::NoProc), "what it finds is dead");
}

#[otp_genserver::test]
async fn gs_045_a_server_that_calls_itself_through_a_registry_hears_so() {
    let via = Via::default();
    let (server, _) = Plan::new().up().await;
    via.0.lock().unwrap().insert("one", server.clone());
    let answer = server.ask_later(move |_, reply, _| {
        Box::pin(async move {
            assert_eq!(ViaName(via, "one").call(count_of).await, Err(CallError::CallingSelf));
            reply.send(1);
            Ok(())
        })
    });
    assert_eq!(answer.await, Ok(1));
}

#[otp_genserver::test]
async fn a_server_keeps_its_one_name() {
    let (first, second) = (unique_name::<Probe>(), unique_name::<Probe>());
    let server = Plan::new().start().name(first.clone()).await.unwrap();
    let taken = process::register(ProcessName::from(second.as_str().to_owned()), server.pid());
    assert!(taken.is_err());
    assert_eq!((first.whereis(), second.whereis()), (Some(server.pid()), None));
    let error = expect_start_error(Other::start(()).name(Name::owned(first.as_str())).await);
    assert_eq!(error, StartError::AlreadyStarted(server.pid()));
}
