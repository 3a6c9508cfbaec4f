//! A registry agrees with a plain model of it, whatever several processes do in whatever order: register, unregister, change
//! values, and die.

use std::collections::BTreeMap;
use std::future::poll_fn;

use otp_core::behaviour::{Answer, await_end};
use otp_core::process::{self, send_exit};
use otp_core::{ExitReason, Mailbox, Pid, ProcessRef, Received, spawn};
use otp_registry::{Duplicate, RegisterError, Registry, UpdateError};
use otp_supervisor::{ServerRef, Supervisor, SupervisorClient};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use tokio::sync::oneshot;

const PROCESSES: usize = 4;
const KEYS: u8 = 5;

/// Few values and keys, so that they meet.
#[derive(Debug, Clone)]
enum Act {
    Register(u8, u8),
    Unregister(u8),
    UnregisterMatching(u8, u8),
    Update(u8, u8),
    /// By a crash, an exit signal, or in order.
    Die(u8),
    KillPartition(u8),
}

fn act() -> impl Strategy<Value = (usize, Act)> {
    let key = 0..KEYS;
    let value = 0..3_u8;
    let act = prop_oneof![
        8 => (key.clone(), value.clone()).prop_map(|(key, value)| Act::Register(key, value)),
        3 => key.clone().prop_map(Act::Unregister),
        2 => (key.clone(), value.clone()).prop_map(|(key, value)| Act::UnregisterMatching(key, value)),
        2 => (key, value).prop_map(|(key, value)| Act::Update(key, value)),
        2 => (0..3_u8).prop_map(Act::Die),
        1 => any::<u8>().prop_map(Act::KillPartition),
    ];
    (0..PROCESSES, act)
}

type Job = Box<dyn FnOnce() + Send>;

/// Runs what it is told, and outlives its partition.
fn actor() -> ProcessRef<Job> {
    spawn(|mut mailbox: Mailbox<Job>| async move {
        process::trap_exit(true).expect("it is a process");
        loop {
            match mailbox.receive().await {
                Received::Message(job) => job(),
                Received::Exit { from, .. } if from == Pid::OUTSIDE => return,
                _ => {}
            }
        }
    })
}

async fn within<R: Send + 'static>(actor: &ProcessRef<Job>, job: impl FnOnce() -> R + Send + 'static) -> R {
    let (reply, answer) = oneshot::channel();
    actor.send(Box::new(move || drop(reply.send(job()))));
    answer.await.expect("it lives")
}

async fn gone(pid: Pid) {
    let mut end = await_end(pid);
    assert!(matches!(poll_fn(|cx| end.poll_answer(cx)).await, Answer::Exit(_)));
}

async fn die(actor: &ProcessRef<Job>, how: u8) {
    match how {
        0 => actor.send(Box::new(|| process::exit(ExitReason::new("crash")))),
        1 => actor.send(Box::new(|| process::exit(ExitReason::Normal))),
        _ => send_exit(actor.pid(), ExitReason::Kill),
    }
    gone(actor.pid()).await;
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

/// Key, process, value.
type Model = Vec<(u8, Pid, u8)>;

fn keys_of(model: &Model, pid: Pid) -> Vec<u8> {
    sorted(model.iter().filter(|entry| entry.1 == pid).map(|entry| entry.0).collect())
}

fn entries(model: &Model, key: u8) -> Vec<(Pid, u8)> {
    sorted(model.iter().filter(|entry| entry.0 == key).map(|entry| (entry.1, entry.2)).collect())
}

fn linked(pid: Pid) -> usize {
    process::info(pid).expect("it lives").links.len()
}

/// Kills a partition, and waits until those run again that go with it.
async fn kill_partition(name: &str, of: u8) -> Pid {
    let supervisor = process::whereis(name).expect("it runs");
    let supervisor = ServerRef::<Supervisor>::of(supervisor).expect("a supervisor");
    let children = supervisor.which_children().await.expect("it answers");
    let pid = children[usize::from(of) % children.len()].status.pid().expect("it runs");
    send_exit(pid, ExitReason::Kill);
    gone(pid).await;
    // Answers when it has started whatever is to be started.
    supervisor.which_children().await.expect("it answers");
    pid
}

async fn unique(acts: Vec<(usize, Act)>, partitions: usize, name: String) -> Result<(), TestCaseError> {
    let registry: Registry<u8, u8> = Registry::unique(name.clone()).partitions(partitions);
    let supervisor = registry.start().await.expect("it starts");
    let mut model = Model::new();
    let mut kills = 0;
    let mut actors: Vec<_> = std::iter::repeat_with(actor).take(PROCESSES).collect();
    for (n, act) in acts {
        let (pid, own) = (actors[n].pid(), registry.clone());
        match act {
            Act::Register(key, value) => {
                let held = model.iter().find(|entry| entry.0 == key).map(|entry| entry.1);
                let outcome = within(&actors[n], move || own.register(key, value)).await.map(drop);
                prop_assert_eq!(
                    outcome,
                    held.map_or(Ok(()), |pid| Err(RegisterError::AlreadyRegistered(pid)))
                );
                if held.is_none() {
                    model.push((key, pid, value));
                }
            }
            Act::Unregister(key) => {
                within(&actors[n], move || own.unregister(&key)).await.expect("it runs");
                model.retain(|entry| (entry.0, entry.1) != (key, pid));
            }
            Act::UnregisterMatching(key, value) => {
                within(&actors[n], move || own.unregister_matching(&key, |&v| v == value))
                    .await
                    .expect("it runs");
                model.retain(|entry| *entry != (key, pid, value));
            }
            Act::Update(key, value) => {
                let entry = model.iter_mut().find(|entry| (entry.0, entry.1) == (key, pid));
                let expected = entry.map_or(Err(UpdateError::NotHeld), |entry| {
                    let old = std::mem::replace(&mut entry.2, value);
                    Ok((value, old))
                });
                prop_assert_eq!(
                    within(&actors[n], move || own.update_value(&key, |_| value)).await,
                    expected
                );
            }
            Act::Die(how) => {
                die(&actors[n], how).await;
                model.retain(|entry| entry.1 != pid);
                actors[n] = actor();
            }
            // More would be too many for its supervisor.
            Act::KillPartition(_) if kills == 3 => {}
            Act::KillPartition(of) => {
                kills += 1;
                kill_partition(&name, of).await;
                model.clear();
            }
        }
        for key in 0..KEYS {
            let expected = entries(&model, key);
            prop_assert_eq!(registry.lookup(&key), Ok(expected.first().copied()));
        }
        check(&model, &actors, &registry)?;
    }
    supervisor.stop().await.expect("it stops");
    prop_assert_eq!(actors.iter().map(|actor| linked(actor.pid())).sum::<usize>(), 0);
    Ok(())
}

async fn duplicate(
    acts: Vec<(usize, Act)>,
    partitions: usize,
    by_key: bool,
    name: String,
) -> Result<(), TestCaseError> {
    let registry: Registry<u8, u8, Duplicate> = Registry::duplicate(name.clone()).partitions(partitions);
    let registry = if by_key { registry.partition_by_key() } else { registry };
    let supervisor = registry.start().await.expect("it starts");
    let mut model = Model::new();
    let mut kills = 0;
    // The partition of each process that has ever registered.
    let mut partition_of = BTreeMap::new();
    let mut actors: Vec<_> = std::iter::repeat_with(actor).take(PROCESSES).collect();
    for (n, act) in acts {
        let (pid, own) = (actors[n].pid(), registry.clone());
        match act {
            Act::Register(key, value) | Act::Update(key, value) => {
                let partition = within(&actors[n], move || own.register(key, value)).await.expect("it runs");
                partition_of.insert(pid, partition);
                model.push((key, pid, value));
            }
            Act::Unregister(key) => {
                within(&actors[n], move || own.unregister(&key)).await.expect("it runs");
                model.retain(|entry| (entry.0, entry.1) != (key, pid));
            }
            Act::UnregisterMatching(key, value) => {
                within(&actors[n], move || own.unregister_matching(&key, |&v| v == value))
                    .await
                    .expect("it runs");
                model.retain(|entry| *entry != (key, pid, value));
            }
            Act::Die(how) => {
                die(&actors[n], how).await;
                model.retain(|entry| entry.1 != pid);
                actors[n] = actor();
            }
            // More would be too many for its supervisor.
            Act::KillPartition(_) if kills == 3 => {}
            Act::KillPartition(of) => {
                kills += 1;
                let killed = kill_partition(&name, of).await;
                model.retain(|entry| !by_key && partition_of[&entry.1] != killed);
            }
        }
        for key in 0..KEYS {
            let expected = entries(&model, key);
            prop_assert_eq!(registry.lookup(&key).map(sorted), Ok(expected.clone()));
            for actor in &actors {
                let pid = actor.pid();
                let values = expected.iter().filter(|entry| entry.0 == pid).map(|entry| entry.1).collect();
                prop_assert_eq!(registry.values(&key, pid).map(sorted), Ok(values));
            }
        }
        let keys = |pid| registry.keys(pid).map(sorted);
        for actor in &actors {
            prop_assert_eq!(keys(actor.pid()), Ok(keys_of(&model, actor.pid())));
        }
        prop_assert_eq!(registry.count(), Ok(model.len()));
    }
    supervisor.stop().await.expect("it stops");
    Ok(())
}

fn check(
    model: &Model,
    actors: &[ProcessRef<Job>],
    registry: &Registry<u8, u8>,
) -> Result<(), TestCaseError> {
    for actor in actors {
        let pid = actor.pid();
        let keys = keys_of(model, pid);
        prop_assert_eq!(linked(pid), usize::from(!keys.is_empty()), "linked while it has entries");
        prop_assert_eq!(registry.keys(pid).map(sorted), Ok(keys));
    }
    prop_assert_eq!(registry.count(), Ok(model.len()));
    let all = registry.select(|&key, pid, &value| Some((key, pid, value)));
    prop_assert_eq!(all.map(sorted), Ok(sorted(model.clone())));
    Ok(())
}

/// On a runtime of its own, as a process.
fn as_process(
    body: impl Future<Output = Result<(), TestCaseError>> + Send + 'static,
) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(otp_core::attach(body)).expect("the test's process lives")
}

fn fresh() -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("properties {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn unique_keys_agree_with_the_model(
        acts in proptest::collection::vec(act(), 1..60),
        partitions in prop_oneof![Just(1_usize), Just(3), Just(8)],
    ) {
        as_process(unique(acts, partitions, fresh()))?;
    }

    #[test]
    fn duplicate_keys_agree_with_the_model(
        acts in proptest::collection::vec(act(), 1..60),
        partitions in prop_oneof![Just(1_usize), Just(3), Just(8)],
        by_key in any::<bool>(),
    ) {
        as_process(duplicate(acts, partitions, by_key, fresh()))?;
    }
}
