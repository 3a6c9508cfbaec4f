//! Via names: servers started and reached by key.

use otp_core::{ExitReason, process};
use otp_genserver::{
    CallError, Context, Destination, GenServer, InitError, ReplyTo, ResolveError, StartError, StopError,
};
use otp_registry::Registry;
use otp_supervisor::{Supervisor, SupervisorClient};

use crate::support::{Counter, Puppet, fresh, gone, key, me, run, unique};

/// Says what the registry knew of it in `init`.
struct Early(Option<u32>);

impl GenServer for Early {
    type Args = Registry<String, u32>;
    type Call = ReplyTo<Option<u32>>;
    type Cast = ();
    type Info = ();
    type Continue = ();

    async fn init(registry: Registry<String, u32>, cx: &mut Context<Self>) -> Result<Self, InitError> {
        let found = registry.lookup("early")?;
        Ok(Self(found.filter(|found| found.0 == cx.pid()).map(|found| found.1)))
    }

    async fn handle_call(
        &mut self,
        reply: ReplyTo<Option<u32>>,
        _: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        reply.send(self.0);
        Ok(())
    }

    async fn handle_cast(&mut self, (): (), _: &mut Context<Self>) -> Result<(), ExitReason> {
        Ok(())
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_054_a_server_is_registered_before_init_with_the_value_given() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        for value in [None, Some(7)] {
            let start = Early::start_link(registry.clone());
            let start = match value {
                None => start.name(registry.via("early")),
                Some(value) => start.name(registry.via("early").value(value)),
            };
            let server = start.await.expect("it starts");
            assert_eq!(server.call(|reply| reply).await, Ok(Some(value.unwrap_or_default())));
            assert_eq!(registry.via::<Early>("early").resolve(), Ok(server.clone()));
            let links = process::info(server.pid()).expect("it lives").links;
            assert_eq!(links.len(), 2, "its parent and its partition");
            server.stop().await.expect("it stops");
            assert_eq!(registry.lookup("early"), Ok(None));
        }
        let (server, _) =
            Early::start_monitor(registry.clone()).name(registry.via("early")).await.expect("it starts");
        assert_eq!(registry.holder("early"), Ok(Some(server.pid())));
    }
}

#[otp_core::test(start_paused = true)]
async fn a_server_is_stopped_through_its_key() {
    let registry = unique(1).await;
    let server = Counter::start(1).name(registry.via("a")).await.expect("it starts");
    assert_eq!(registry.via::<Counter>("a").stop().await, Ok(()));
    assert!(!server.is_alive());
    assert_eq!(registry.via::<Counter>("a").stop().await, Err(StopError::NoProc));
}

#[otp_core::test(start_paused = true)]
async fn reg_055_a_second_start_under_a_key_says_who_has_it() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        let first = Counter::start(1).name(registry.via("a").value(1)).await.expect("it starts");
        let taken = Err(StartError::AlreadyStarted(first.pid()));
        assert_eq!(Counter::start_link(2).name(registry.via("a").value(2)).await, taken);
        let monitored = Counter::start_monitor(2).name(registry.via("a").value(2)).await;
        assert_eq!(monitored.map(|_| ()), Err(StartError::AlreadyStarted(first.pid())));
        assert_eq!(registry.lookup("a"), Ok(Some((first.pid(), 1))));
        let holder = Puppet::new();
        holder.register(&registry, "b", 1).await;
        let outcome = Counter::start(2).name(registry.via("b").value(2)).await;
        assert_eq!(outcome, Err(StartError::AlreadyStarted(holder.pid())));
    }
}

#[otp_core::test(start_paused = true)]
async fn a_start_that_fails_leaves_its_key_free() {
    let registry = unique(2).await;
    for (args, error) in [(-1, StartError::Ignored), (-2, StartError::Exit(ExitReason::new("not today")))] {
        assert_eq!(Counter::start(args).name(registry.via("a")).await, Err(error));
        assert_eq!(registry.lookup("a"), Ok(None));
    }
    assert_eq!(registry.count(), Ok(0));
}

#[otp_core::test(start_paused = true)]
async fn reg_057_through_a_key_that_nobody_holds_calls_fail_and_casts_are_ignored() {
    let registry = unique(2).await;
    let via = registry.via::<Counter>("a");
    assert_eq!(via.call(|reply| reply).await, Err(CallError::NoProc));
    via.cast(1);
    assert!(via.try_cast(1).is_err());
    assert_eq!(via.resolve(), Err(ResolveError::NoProc));
    assert_eq!(via.whereis(), None);

    let server = Counter::start(1).name(via.clone()).await.expect("it starts");
    via.cast(4);
    assert_eq!(via.call(|reply| reply).await, Ok(5));
    process::send_exit(server.pid(), ExitReason::Kill);
    gone(server.pid()).await;
    assert_eq!(via.call(|reply| reply).await, Err(CallError::NoProc));
}

#[otp_core::test(start_paused = true)]
async fn a_key_that_another_kind_of_process_has_is_the_wrong_server() {
    let registry = unique(1).await;
    registry.register(key("a"), 1).expect("it is free");
    let via = registry.via::<Counter>("a");
    assert_eq!(via.resolve(), Err(ResolveError::WrongServer(me())));
    assert_eq!(via.call(|reply| reply).await, Err(CallError::WrongServer(me())));
    assert_eq!(via.whereis(), Some(me()));
    assert_eq!(via.key(), "a");
}

#[otp_core::test(start_paused = true)]
async fn a_supervised_server_is_found_by_its_key_after_a_restart() {
    let registry: Registry<String> = run(Registry::unique(fresh("supervised"))).await;
    let child = Counter::start_link(1).name(registry.via("a"));
    let supervisor = Supervisor::one_for_one().child(child).start_link().await.expect("it starts");
    let via = registry.via::<Counter>("a");
    let first = via.resolve().expect("it runs");
    via.cast(1);
    assert_eq!(via.call(|reply| reply).await, Ok(2));
    process::send_exit(first.pid(), ExitReason::Kill);
    gone(first.pid()).await;
    assert_eq!(supervisor.count_children().await.map(|counts| counts.active), Ok(1));
    assert_eq!(via.call(|reply| reply).await, Ok(1));
    assert_ne!(via.resolve(), Ok(first));
}

#[otp_core::test(start_paused = true)]
async fn a_supervisor_under_a_key_has_an_id_of_its_own() {
    let registry: Registry<u8> = run(Registry::unique(fresh("trees"))).await;
    let tree = |key: u8| Supervisor::one_for_one().start_link().name(registry.via(key));
    let spec = Supervisor::one_for_one().child(tree(1)).child(tree(2)).child(tree(3));
    let parent = spec.start_link().await.expect("it starts");
    for key in 1..=3 {
        assert!(registry.via::<Supervisor>(key).count_children().await.is_ok());
    }
    let id = parent.which_children().await.expect("it answers")[0].id.clone().expect("it has an id");
    assert!(id.to_string().contains(registry.name()), "{id}");
}
