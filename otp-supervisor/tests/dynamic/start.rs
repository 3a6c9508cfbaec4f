//! Starting a dynamic supervisor.

use std::time::Duration;

use otp_core::behaviour::InitError;
use otp_core::process;
use otp_supervisor::{
    ChildId, ChildType, DynamicSupervisor, DynamicSupervisorClient, IntoChildSpec, InvalidSpec, Name,
    ServerRef, Shutdown, StartChildError, StartError, Supervisor, SupervisorClient,
};

use crate::support::{World, crash, end, reason_of};
use crate::{counts, only, start_dynamic, statuses};

#[otp_core::test(start_paused = true)]
async fn dsup_001_it_starts_without_children_and_bears_three_restarts_within_five_seconds() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    assert_eq!(counts(&supervisor).await, (0, 0, 0, 0));
    assert_eq!(statuses(&supervisor).await, []);
    supervisor.start_child(world.child("a")).await.expect("it starts");
    for _ in 0..3 {
        end(only(&supervisor).await, crash()).await;
    }
    tokio::time::advance(Duration::from_millis(5001)).await;
    for _ in 0..3 {
        end(only(&supervisor).await, crash()).await;
    }
    assert!(only(&supervisor).await != supervisor.pid());
}

#[otp_core::test(start_paused = true)]
async fn dsup_004_a_period_of_zero_fails_the_start() {
    let outcome = DynamicSupervisor::new().intensity(3, Duration::ZERO).start().await;
    let Err(StartError::Exit(reason)) = outcome else { panic!("it must not start") };
    assert_eq!(reason.downcast_ref(), Some(&InvalidSpec::ZeroPeriod));
}

#[otp_core::test(start_paused = true)]
async fn dsup_005_an_init_may_ignore_or_make_the_spec() {
    let ignored = DynamicSupervisor::init(|| Err(InitError::Ignore)).start().await;
    assert_eq!(ignored.err(), Some(StartError::Ignored));
    let supervisor =
        start_dynamic(DynamicSupervisor::init(|| Ok(DynamicSupervisor::new().max_children(0)))).await;
    let full = supervisor.start_child(World::default().child("a")).await.err();
    assert_eq!(full, Some(StartChildError::MaxChildren));
}

#[otp_core::test(start_paused = true)]
async fn dsup_006_it_is_linked_named_and_stopped_by_its_name() {
    const NAME: Name<DynamicSupervisor> = Name::new("dsup 006");
    let supervisor = DynamicSupervisor::new().start_link().name(NAME).await.expect("it starts");
    let own = process::current().expect("a process");
    assert_eq!(NAME.whereis(), Some(supervisor.pid()));
    assert_eq!(process::info(supervisor.pid()).expect("it runs").links, [own]);
    assert_eq!(counts(&NAME).await, (0, 0, 0, 0));
    NAME.stop().await.expect("it runs");
    assert_eq!(NAME.whereis(), None);
}

#[otp_core::test(start_paused = true)]
async fn dsup_007_named_ones_live_side_by_side_and_a_second_unnamed_one_clashes() {
    process::trap_exit(true).expect("a process");
    let parent = Supervisor::one_for_one()
        .child(DynamicSupervisor::new().start_link().name("dsup 007 a"))
        .child(DynamicSupervisor::new().start_link().name("dsup 007 b"))
        .child(DynamicSupervisor::new())
        .start_link()
        .await
        .expect("it starts");
    assert_eq!(parent.count_children().await.expect("it runs").active, 3);
    let first = parent.which_children().await.expect("it runs")[0].status.pid().expect("it runs");
    let clash = parent.start_child(DynamicSupervisor::new()).await.err();
    assert_eq!(clash, Some(StartChildError::AlreadyStarted(first)));
}

#[test]
fn dsup_043_its_spec_is_a_supervisors_and_has_the_id_of_its_type_or_its_name() {
    let spec = DynamicSupervisor::new().child_spec();
    assert_eq!(spec.get_child_type(), ChildType::Supervisor);
    assert_eq!(spec.get_shutdown(), Shutdown::Infinity);
    assert_eq!(*spec.get_id(), ChildId::of::<DynamicSupervisor>());
    let named = DynamicSupervisor::new().start_link().name("rooms").child_spec();
    assert_eq!(*named.get_id(), "rooms".into());
}

#[otp_core::test(start_paused = true)]
async fn dsup_024_it_gives_up_with_shutdown_and_its_parent_starts_an_empty_one() {
    process::trap_exit(true).expect("a process");
    let world = World::default();
    let child = DynamicSupervisor::new().intensity(0, Duration::from_secs(1)).start_link().name("dsup 024");
    let parent = Supervisor::one_for_one().child(child).start_link().await.expect("it starts");
    const NAME: Name<DynamicSupervisor> = Name::new("dsup 024");
    let before = NAME.whereis().expect("it runs");
    let started = NAME.start_child(world.child("a")).await.expect("it starts");
    let reason = tokio::join!(reason_of(before), end(started.pid(), crash())).0;
    assert_eq!(reason, otp_core::ExitReason::Shutdown);
    assert_eq!(parent.count_children().await.expect("it runs").active, 1);
    assert_eq!(counts(&NAME).await, (0, 0, 0, 0));
    let after = ServerRef::<DynamicSupervisor>::of(NAME.whereis().expect("it runs")).expect("such a server");
    assert_ne!(after.pid(), before);
}
