//! Starting a registry, finding it, and what is there while it does not run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use otp_core::process;
use otp_core::{IntoChildSpec, StartError};
use otp_genserver::{Destination, GenServer};
use otp_registry::{
    DispatchError, Duplicate, MetaError, NotRunning, RegisterError, Registry, UnregisterError, UpdateError,
    WhereisError,
};
use otp_supervisor::{Supervisor, SupervisorClient};

use crate::support::{Counter, Puppet, fresh, key, me, partitions, run, supervisor, unique};

#[otp_core::test(start_paused = true)]
async fn reg_001_a_bad_option_panics_before_anything_starts() {
    let name = fresh("options");
    let none = catch_unwind(|| Registry::<u8>::unique(name.clone()).partitions(0));
    assert!(none.is_err());
    assert_eq!(process::whereis(&name), None);

    let registry: Registry<u8, (), Duplicate> = Registry::duplicate(name).partitions(3);
    let other = registry.clone();
    let late = catch_unwind(AssertUnwindSafe(|| registry.partition_by_key()));
    assert!(late.is_err(), "another handle is there");
    assert_eq!(format!("{other:?}").matches("partitions: 3").count(), 1);
}

#[otp_core::test(start_paused = true)]
async fn reg_002_as_many_partition_processes_are_supervised() {
    for wanted in [1, 3, 8] {
        let unique = unique(wanted).await;
        assert_eq!(partitions(&unique).await.len(), wanted);
        let duplicate: Registry<u8, (), Duplicate> = Registry::duplicate(fresh("two")).partitions(wanted);
        let duplicate = run(duplicate).await;
        assert_eq!(partitions(&duplicate).await.len(), wanted);
        let counts = supervisor(&duplicate).count_children().await.expect("it answers");
        assert_eq!((counts.workers, counts.supervisors), (wanted, 0));
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_003_every_operation_says_that_the_registry_does_not_run() {
    let name = fresh("unknown");
    assert_eq!(Registry::<String, u32>::whereis(&name).map(drop), Err(WhereisError::NotRunning));

    let registry: Registry<String, u32> = Registry::unique(name.clone());
    let duplicate: Registry<String, u32, Duplicate> = Registry::duplicate(fresh("unknown")).partitions(2);
    for round in 0..2 {
        assert!(!registry.is_running());
        assert_eq!(registry.register(key("a"), 1), Err(RegisterError::NotRunning));
        assert_eq!(registry.unregister("a"), Err(UnregisterError::NotRunning));
        assert_eq!(registry.unregister_matching("a", |_| true), Err(UnregisterError::NotRunning));
        assert_eq!(registry.lookup("a"), Err(NotRunning));
        assert_eq!(registry.lookup_with("a", |_, _| ()), Err(NotRunning));
        assert_eq!(registry.holder("a"), Err(NotRunning));
        assert_eq!(registry.keys(me()), Err(NotRunning));
        assert_eq!(registry.values("a", me()), Err(NotRunning));
        assert_eq!(registry.count(), Err(NotRunning));
        assert_eq!(registry.matching("a", |_, _| true), Err(NotRunning));
        assert_eq!(registry.count_matching("a", |_, _| true), Err(NotRunning));
        assert_eq!(registry.select(|_, _, _| Some(())), Err(NotRunning));
        assert_eq!(registry.count_select(|_, _, _| true), Err(NotRunning));
        assert_eq!(registry.update_value("a", |n| n + 1), Err(UpdateError::NotRunning));
        assert_eq!(registry.dispatch("a", |_| ()), Err(NotRunning));
        assert_eq!(registry.meta::<u8>("a"), Err(MetaError::NotRunning));
        assert_eq!(registry.put_meta("a", 1), Err(NotRunning));
        assert_eq!(registry.delete_meta("a"), Err(NotRunning));
        assert_eq!(registry.lock(key("a"), || async {}).await, Err(NotRunning));
        assert_eq!(duplicate.lookup("a"), Err(NotRunning));
        assert_eq!(duplicate.dispatch_parallel("a", |_| ()).await, Err(DispatchError::NotRunning));
        let refused = Counter::start(1).name(registry.via("a").value(1)).await;
        assert_eq!(refused, Err(StartError::Exit(RegisterError::NotRunning.into())));
        assert!(registry.via::<Counter>("a").resolve().is_err());
        if round == 0 {
            // The same once it has run, and ended.
            registry.start_link().await.expect("it starts");
            assert_eq!(registry.register(key("a"), 1).map(drop), Ok(()));
            registry.put_meta("a", 1_u8).expect("it runs");
            registry.unregister("a").expect("it runs");
            supervisor(&registry).stop().await.expect("it stops");
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn a_registry_is_found_by_its_name_and_types() {
    let registry = unique(2).await;
    let found = Registry::<String, u32>::whereis(registry.name()).expect("it runs");
    registry.register(key("a"), 7).expect("it is free");
    assert_eq!(found.lookup("a"), Ok(Some((me(), 7))));
    for wrong in [
        Registry::<String, i32>::whereis(registry.name()).map(drop),
        Registry::<str_key::Wrong, u32>::whereis(registry.name()).map(drop),
        Registry::<String, u32, Duplicate>::whereis(registry.name()).map(drop),
    ] {
        assert_eq!(wrong, Err(WhereisError::WrongType));
    }
}

mod str_key {
    //! A key of another type.

    #[derive(Clone, PartialEq, Eq, Hash)]
    pub(crate) struct Wrong;
}

#[otp_core::test(start_paused = true)]
async fn a_second_registry_of_the_same_name_does_not_start() {
    let registry = unique(1).await;
    let second: Registry<u8> = Registry::unique(registry.name().to_owned());
    let running = process::whereis(registry.name()).expect("it runs");
    assert_eq!(second.start_link().await, Err(StartError::AlreadyStarted(running)));
    assert_eq!(registry.start_link().await, Err(StartError::AlreadyStarted(running)));
    assert!(!second.is_running());
}

#[otp_core::test(start_paused = true)]
async fn a_registry_keeps_its_name() {
    let registry: Registry<u8> = Registry::unique(fresh("name"));
    let outcome = registry.start().name(fresh("another name")).await;
    let Err(StartError::Exit(reason)) = outcome else { panic!("{outcome:?}") };
    assert!(reason.to_string().contains("a registry is started under its own name"), "{reason}");
    assert!(!registry.is_running());
}

#[otp_core::test(start_paused = true)]
async fn a_registry_is_a_child_as_it_stands_and_the_handle_outlives_its_restart() {
    let registry: Registry<String, u32> = Registry::unique(fresh("child")).initial_meta("limit", 3_u8);
    let name = registry.name().to_owned();
    let spec = registry.clone().child_spec();
    assert_eq!(spec.get_id().as_text(), Some(name.as_str()));
    let parent = Supervisor::one_for_one().child(spec).start_link().await.expect("it starts");

    let holder = Puppet::new();
    holder.register(&registry, "a", 1).await;
    registry.put_meta("limit", 4_u8).expect("it runs");
    parent.terminate_child(name.clone()).await.expect("it is there");
    assert!(!registry.is_running());
    parent.restart_child(name).await.expect("it starts again");
    assert_eq!(registry.lookup("a"), Ok(None));
    assert_eq!(registry.meta("limit"), Ok(Some(3_u8)));
    Puppet::new().register(&registry, "a", 2).await;
    assert_eq!(registry.count(), Ok(1));
}
