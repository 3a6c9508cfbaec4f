//! Listeners.

use otp_core::{ExitReason, Mailbox, ProcessRef, Received, attach_with, process, spawn};
use otp_genserver::{Context, Destination, GenServer, InitError, Name, ReplyTo};
use otp_registry::{Event, RegisterError, Registry};

use crate::support::{Counter, Puppet, fresh, key, me, run};

type Events = Event<String, u32>;

/// A server that keeps what it is told.
struct Log(Vec<Events>);

impl GenServer for Log {
    type Args = ();
    type Call = ReplyTo<Vec<Events>>;
    type Cast = ();
    type Info = Events;
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self(Vec::new()))
    }

    async fn handle_call(
        &mut self,
        reply: ReplyTo<Vec<Events>>,
        _: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        reply.send(std::mem::take(&mut self.0));
        Ok(())
    }

    async fn handle_cast(&mut self, (): (), _: &mut Context<Self>) -> Result<(), ExitReason> {
        Ok(())
    }

    async fn handle_info(&mut self, event: Events, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.0.push(event);
        Ok(())
    }
}

/// A registry with a listener, which has started.
async fn listened() -> (Registry<String, u32>, Name<Log>) {
    let log = Name::<Log>::owned(fresh("log"));
    Log::start_link(()).name(log.clone()).await.expect("it starts");
    let registry = Registry::unique(fresh("listened")).partitions(2).listener(log.clone());
    (run(registry).await, log)
}

async fn told(log: &Name<Log>) -> Vec<Events> {
    log.call(|reply| reply).await.expect("it answers")
}

#[otp_core::test(start_paused = true)]
async fn reg_048_listeners_hear_of_registrations_and_of_explicit_unregistering() {
    let (registry, log) = listened().await;
    let name = otp_core::ProcessName::from(registry.name().to_owned());
    registry.register(key("a"), 1).expect("it is free");
    let registered = |key, pid, value| Event::Register { registry: name.clone(), key, pid, value };
    assert_eq!(told(&log).await, [registered(key("a"), me(), 1)]);

    let unregistered = |key| Event::Unregister { registry: name.clone(), key, pid: me() };
    registry.unregister("a").expect("it runs");
    registry.unregister("never held").expect("it runs");
    assert_eq!(told(&log).await, [unregistered(key("a")), unregistered(key("never held"))]);

    registry.register(key("a"), 2).expect("it is free");
    registry.update_value("a", |n| n + 1).expect("it is held");
    assert_eq!(told(&log).await.len(), 1, "of the registration alone, as in Elixir");
    registry.unregister("a").expect("it runs");
    told(&log).await;

    let holder = Puppet::new();
    holder.register(&registry, "a", 3).await;
    holder.end(ExitReason::Normal).await;
    assert_eq!(told(&log).await, [registered(key("a"), holder.pid(), 3)], "a death is no news");

    let server = Counter::start(0).name(registry.via("a").value(4)).await.expect("it starts");
    assert_eq!(told(&log).await, [registered(key("a"), server.pid(), 4)]);
}

#[otp_core::test(start_paused = true)]
async fn reg_048_unregister_match_is_news_if_it_leaves_the_caller_nothing_under_the_key() {
    let log = Name::<Log>::owned(fresh("log"));
    Log::start_link(()).name(log.clone()).await.expect("it starts");
    let registry = Registry::duplicate(fresh("listened")).partitions(2).listener(log.clone());
    let registry = run(registry).await;
    let name = otp_core::ProcessName::from(registry.name().to_owned());
    let unregistered = |key| Event::Unregister { registry: name.clone(), key, pid: me() };
    let other = Puppet::new();
    other.register(&registry, "a", 1).await;
    registry.register(key("a"), 1).expect("it runs");
    registry.register(key("a"), 2).expect("it runs");
    told(&log).await;

    for gone in [9, 1] {
        registry.unregister_matching("a", |&n| n == gone).expect("it runs");
        assert_eq!(told(&log).await, [], "an entry is left");
    }
    registry.unregister_matching("a", |&n| n == 2).expect("it runs");
    registry.unregister_matching("never held", |_| false).expect("it runs");
    assert_eq!(told(&log).await, [unregistered(key("a")), unregistered(key("never held"))]);
}

/// Cannot be made of an event.
struct Unmakeable;

impl From<Events> for Unmakeable {
    fn from(_: Events) -> Self {
        panic!("told to")
    }
}

#[otp_core::test(start_paused = true)]
async fn a_listener_that_cannot_be_told_is_nobody_elses_business() {
    let (log, deaf) = (Name::<Log>::owned(fresh("log")), fresh("deaf"));
    Log::start_link(()).name(log.clone()).await.expect("it starts");
    let listener = spawn(|_: Mailbox<Unmakeable>| std::future::pending::<()>());
    process::register(deaf.clone(), listener.pid()).expect("it is free");
    let registry = Registry::unique(fresh("listened")).process_listener::<Unmakeable>(deaf);
    let registry: Registry<String, u32> = run(registry.listener(log.clone())).await;
    assert!(registry.register(key("a"), 1).is_ok());
    assert!(registry.unregister("a").is_ok());
    assert_eq!(told(&log).await.len(), 2);
}

#[otp_core::test(start_paused = true)]
async fn reg_050_a_failed_registration_is_no_news() {
    let (registry, log) = listened().await;
    let holder = Puppet::new();
    holder.register(&registry, "a", 1).await;
    told(&log).await;
    assert_eq!(registry.register(key("a"), 2), Err(RegisterError::AlreadyRegistered(holder.pid())));
    assert!(Counter::start(0).name(registry.via("a").value(4)).await.is_err());
    assert_eq!(told(&log).await, []);
}

#[otp_core::test(start_paused = true)]
async fn listeners_are_found_by_name_each_time_and_need_not_be_there() {
    let name = fresh("plain");
    let registry = Registry::unique(fresh("listened")).process_listener::<Events>(name.clone());
    let registry: Registry<String, u32> = run(registry).await;
    registry.register(key("a"), 1).expect("nobody listens");
    let other: ProcessRef<u8> = spawn(|_: Mailbox<u8>| std::future::pending::<()>());
    process::register(name.clone(), other.pid()).expect("it is free");
    registry.unregister("a").expect("who listens takes other messages");
    process::unregister(&name).expect("it is taken");
    let event = attach_with(move |mut mailbox: Mailbox<Events>| async move {
        process::register(name, me()).expect("it is free");
        registry.register(key("b"), 2).expect("it is free");
        mailbox.receive().await
    });
    assert!(matches!(event.await, Ok(Received::Message(Event::Register { value: 2, .. }))));
}
