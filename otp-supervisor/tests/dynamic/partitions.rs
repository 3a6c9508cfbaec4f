//! Partition supervisors.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use otp_core::ExitReason;
use otp_genserver::{Context, Destination, GenServer, InitError, ReplyTo, ResolveError, sys};
use otp_supervisor::{
    CallError, ChildId, DynamicSupervisor, DynamicSupervisorClient, IntoChildSpec, InvalidSpec, Name,
    PartitionName, PartitionSupervisor, ResizeError, StartError, Strategy, Supervisor, SupervisorClient,
};

use crate::support::{World, kill};

/// Answers with its number.
struct Part(usize);

impl GenServer for Part {
    type Args = usize;
    type Call = ReplyTo<usize>;
    type Cast = std::convert::Infallible;
    type Info = ();
    type Continue = ();

    async fn init(number: usize, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self(number))
    }

    async fn handle_call(&mut self, reply: ReplyTo<usize>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        reply.send(self.0);
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Self::Cast, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }
}

async fn parts(name: &'static str, partitions: usize) -> PartitionName<Part> {
    otp_core::process::trap_exit(true).expect("a process");
    let spec = PartitionSupervisor::new(name, Part::start_link).partitions(partitions);
    spec.start_link().await.expect("it starts");
    PartitionName::new(name)
}

async fn number(destination: impl Destination<Part>) -> Result<usize, CallError> {
    destination.call(|reply| reply).await
}

#[otp_core::test(start_paused = true)]
async fn psup_001_as_many_partitions_as_cores_each_named_by_its_number() {
    let name = PartitionName::<Part>::new("psup 001");
    PartitionSupervisor::new(name.clone(), Part::start_link).start_link().await.expect("it starts");
    let cores = std::thread::available_parallelism().expect("it is known").get();
    assert_eq!(name.partitions(), Ok(cores));
    let ids: HashSet<_> =
        name.which_children().await.expect("it runs").into_iter().filter_map(|child| child.id).collect();
    assert_eq!(ids, (0..cores).map(ChildId::from).collect());
}

#[otp_core::test(start_paused = true)]
#[should_panic(expected = "needs a partition")]
async fn psup_004_there_must_be_a_partition() {
    let _ = PartitionSupervisor::new("psup 004", Part::start_link).partitions(0);
}

#[otp_core::test(start_paused = true)]
async fn psup_005_each_partition_has_arguments_of_its_own() {
    let name = parts("psup 005", 3).await;
    for n in 0..3 {
        assert_eq!(number(name.partition(n)).await, Ok(usize::try_from(n).expect("it is small")));
    }
    assert_eq!(number(name.partition(7)).await, Ok(1));
}

#[otp_core::test(start_paused = true)]
async fn psup_008_the_same_key_leads_to_the_same_partition() {
    let name = parts("psup 008", 4).await;
    let first = number(name.via("key")).await;
    for _ in 0..10 {
        assert_eq!(number(name.via("key")).await, first);
    }
    let mut seen = HashSet::new();
    for key in 0..100_u32 {
        seen.insert(number(name.via(("user", key))).await.expect("it runs"));
    }
    assert_eq!(seen.len(), 4, "keys spread over all");
}

#[otp_core::test(start_paused = true)]
async fn psup_010_children_started_through_keys_exist_exactly_once() {
    let world = World::default();
    let name = PartitionName::<DynamicSupervisor>::new("psup 010");
    let spec =
        PartitionSupervisor::new(name.clone(), |_| DynamicSupervisor::new().start_link()).partitions(4);
    spec.start_link().await.expect("it starts");
    for key in 0..100_u32 {
        name.via(key).start_child(world.child("a")).await.expect("it starts");
    }
    let mut active = 0;
    for partition in 0..4 {
        let here = name.partition(partition).count_children().await.expect("it runs").active;
        assert!(here > 0);
        active += here;
    }
    assert_eq!(active, 100);
}

#[otp_core::test(start_paused = true)]
async fn psup_011_an_unknown_name_has_no_partitions() {
    let name = PartitionName::<Part>::new("psup 011");
    assert_eq!(name.partitions(), Err(CallError::NoProc));
    assert_eq!(number(name.via("key")).await, Err(CallError::NoProc));
    assert_eq!(name.which_children().await.err(), Some(CallError::NoProc));
    assert_eq!(name.resize(1).await, Err(ResizeError::Call(CallError::NoProc)));
}

#[otp_core::test(start_paused = true)]
async fn psup_012_the_partitions_are_shown_with_their_pids() {
    let name = parts("psup 012", 2).await;
    for child in name.which_children().await.expect("it runs") {
        let id = child.id.expect("its number");
        let partition = *id.downcast_ref::<usize>().expect("a number") as u64;
        assert_eq!(child.status.pid(), name.partition(partition).resolve().ok().map(|server| server.pid()));
    }
    assert_eq!(name.count_children().await.expect("it runs").active, 2);
}

#[otp_core::test(start_paused = true)]
async fn psup_014_after_a_stop_the_name_is_free() {
    let name = parts("psup 014", 2).await;
    let via = name.via("key");
    name.stop().await.expect("it runs");
    assert_eq!(name.partitions(), Err(CallError::NoProc));
    assert_eq!(via.resolve().err(), Some(ResolveError::NoProc));
    parts("psup 014", 3).await;
    assert_eq!(name.partitions(), Ok(3));
    assert!(number(via).await.is_ok());
}

#[otp_core::test(start_paused = true)]
async fn a_name_that_is_taken_is_refused_and_does_no_harm() {
    let name = parts("psup taken", 2).await;
    let second = PartitionSupervisor::new("psup taken", Part::start_link).partitions(5).start().await;
    assert!(matches!(second, Err(StartError::AlreadyStarted(_))), "{second:?}");
    assert_eq!(name.partitions(), Ok(2));
}

#[otp_core::test(start_paused = true)]
async fn psup_017_there_are_never_more_partitions_than_at_the_start() {
    let name = parts("psup 017", 3).await;
    assert_eq!(name.resize(4).await, Err(ResizeError::TooMany { most: 3 }));
    assert_eq!(name.resize(1).await, Ok(3));
    assert_eq!(name.count_children().await.expect("it runs").active, 1);
    assert_eq!(number(name.partition(2)).await, Ok(0));
    assert_eq!(name.resize(3).await, Ok(1));
    assert_eq!(number(name.partition(2)).await, Ok(2));
    assert_eq!(name.resize(0).await, Ok(3));
    assert_eq!(number(name.partition(2)).await, Err(CallError::NoProc));
}

#[otp_core::test(start_paused = true)]
async fn psup_019_resizing_to_the_same_number_changes_nothing() {
    let name = parts("psup 019", 2).await;
    let before = name.which_children().await;
    assert_eq!(name.resize(2).await, Ok(2));
    assert_eq!(name.which_children().await, before);
}

#[otp_core::test(start_paused = true)]
async fn psup_022_partitions_are_restarted_alone_unless_the_strategy_says_otherwise() {
    let name = parts("psup 022", 2).await;
    let pids = |name: &PartitionName<Part>| {
        [0, 1].map(|partition| name.partition(partition).resolve().expect("it runs").pid())
    };
    let before = pids(&name);
    kill(before[0]).await;
    name.count_children().await.expect("it runs");
    let after = pids(&name);
    assert_ne!(before[0], after[0]);
    assert_eq!(before[1], after[1]);

    let all = PartitionSupervisor::new("psup 022 all", Part::start_link)
        .partitions(2)
        .strategy(Strategy::OneForAll)
        .intensity(1, Duration::from_secs(1));
    let supervisor = all.start_link().await.expect("it starts");
    let name = PartitionName::new("psup 022 all");
    let before = pids(&name);
    kill(before[0]).await;
    name.count_children().await.expect("it runs");
    let after = pids(&name);
    assert!(before.iter().all(|pid| !after.contains(pid)));
    let reason = tokio::join!(crate::support::reason_of(supervisor.pid()), kill(after[0])).0;
    assert_eq!(reason, ExitReason::Shutdown);
}

#[test]
fn psup_023_the_id_of_its_spec_is_its_name() {
    let spec = PartitionSupervisor::new("psup 023", Part::start_link).child_spec();
    assert_eq!(*spec.get_id(), "psup 023".into());
}

#[otp_core::test(start_paused = true)]
async fn resizes_at_the_same_time_leave_as_many_partitions_as_the_last_one_says() {
    for (first, second) in [(4, 1), (1, 4), (4, 0), (3, 2)] {
        let name = parts("resizes", 4).await;
        name.resize(2).await.expect("it runs");
        let (one, two) = tokio::join!(name.resize(first), name.resize(second));
        assert_eq!((one, two), (Ok(2), Ok(first)));
        assert_eq!(name.partitions(), Ok(second));
        assert_eq!(name.count_children().await.expect("it runs").active, second);
        for partition in 0..second {
            assert_eq!(number(name.partition(partition as u64)).await, Ok(partition));
        }
        name.stop().await.expect("it runs");
    }
}

#[otp_core::test(start_paused = true)]
async fn a_partition_supervisor_keeps_its_own_name() {
    let name = parts("own name", 2).await;
    let other = PartitionSupervisor::new("own name", Part::start_link).start().name("other name").await;
    let Err(StartError::Exit(reason)) = other else { panic!("it must not start") };
    assert_eq!(reason.downcast_ref(), Some(&InvalidSpec::OtherName));
    assert_eq!(number(name.partition(1)).await, Ok(1));
}

#[otp_core::test(start_paused = true)]
async fn psup_005_what_a_partition_is_made_of_is_asked_for_once() {
    otp_core::process::trap_exit(true).expect("a process");
    let made = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&made);
    let make = move |partition| {
        log.lock().expect("no panic").push(partition);
        Part::start_link(partition)
    };
    let name = PartitionName::<Part>::new("made once");
    PartitionSupervisor::new(name.clone(), make).partitions(3).start_link().await.expect("it starts");
    kill(name.partition(1).resolve().expect("it runs").pid()).await;
    name.count_children().await.expect("it runs");
    assert_eq!(number(name.partition(1)).await, Ok(1));
    assert_eq!(*made.lock().expect("no panic"), [0, 1, 2]);
}

#[otp_core::test(start_paused = true)]
async fn a_dead_partition_is_no_process_until_it_is_restarted() {
    let name = parts("dead", 2).await;
    let (first, second) = (name.partition(0), name.partition(1));
    let supervisor = Name::<Supervisor>::new("dead");
    sys::suspend(&supervisor).await.expect("it runs");
    kill(first.resolve().expect("it runs").pid()).await;
    assert_eq!(number(first.clone()).await, Err(CallError::NoProc));
    assert_eq!(number(second).await, Ok(1));
    sys::resume(&supervisor).await.expect("it runs");
    name.count_children().await.expect("it runs");
    assert_eq!(number(first).await, Ok(0));
}

#[otp_core::test(start_paused = true)]
async fn a_partition_supervisor_that_is_restarted_has_all_its_partitions_again() {
    otp_core::process::trap_exit(true).expect("a process");
    let name = PartitionName::<Part>::new("restarted");
    let child = PartitionSupervisor::new(name.clone(), Part::start_link).partitions(3);
    let parent = Supervisor::one_for_one().child(child).start_link().await.expect("it starts");
    name.resize(1).await.expect("it runs");
    let via = name.via("key");
    let before = name.partition(0).resolve().expect("it runs").pid();
    sys::suspend(&parent).await.expect("it runs");
    kill(Name::<Supervisor>::new("restarted").whereis().expect("it runs")).await;
    assert_eq!(name.partitions(), Err(CallError::NoProc));
    assert_eq!(number(via.clone()).await, Err(CallError::NoProc));
    sys::resume(&parent).await.expect("it runs");
    parent.count_children().await.expect("it runs");
    assert_eq!(name.partitions(), Ok(3));
    assert!(number(via).await.is_ok());
    assert_ne!(name.partition(0).resolve().expect("it runs").pid(), before);
}
