//! Who may do what, and what happens to tables when processes die.

use std::time::Duration;

use otp_core::{ExitReason, Mailbox, ProcessRef, Received, Recipient, attach_with, process, spawn};
use otp_ets::{
    AccessError, CreateError, GiveAwayError, OrderedSet, Protection, Set, SetHeirError, SetKind, Transfer,
    UpdateCounterError, info, whereis,
};
use tokio::sync::{mpsc, oneshot};

use crate::support::{elsewhere, ended, staying, unique_name};

type Table = Set<u32, u32>;
type Moved = Transfer<u32, u32, SetKind>;

/// A process that passes on what it is given, until it is ended.
fn receiver() -> (ProcessRef<Moved>, mpsc::UnboundedReceiver<Moved>) {
    let (sender, received) = mpsc::unbounded_channel();
    let process = spawn(move |mut mailbox: Mailbox<Moved>| async move {
        while let Received::Message(moved) = mailbox.receive().await {
            if sender.send(moved).is_err() {
                break;
            }
        }
    });
    (process, received)
}

fn recipient(process: &ProcessRef<Moved>) -> Recipient<Moved> {
    process.recipient()
}

#[otp_core::test]
async fn ets_107_everyone_reads_and_writes_a_public_table() {
    let table = Table::builder().public().create().unwrap();
    let other = table.clone();
    elsewhere(move || other.insert(1, 1)).await.unwrap();
    assert_eq!(table.lookup(&1), Ok(Some(1)));
}

#[otp_core::test]
async fn ets_107_everyone_reads_a_protected_table_and_its_owner_writes() {
    let table = Table::builder().protection(Protection::Protected).create().unwrap();
    table.insert(1, 1).unwrap();
    let other = table.clone();
    elsewhere(move || {
        assert_eq!(other.lookup(&1), Ok(Some(1)));
        assert_eq!(other.to_vec(), Ok(vec![(1, 1)]));
        assert_eq!(other.select_count(|_, _| true), Ok(1));
        assert_eq!(other.first(), Ok(Some(1)));
        assert_eq!(other.insert(2, 2), Err(AccessError::Denied));
        assert_eq!(other.insert_new(2, 2), Err(AccessError::Denied));
        assert_eq!(other.insert_all([(2, 2)]), Err(AccessError::Denied));
        assert_eq!(other.insert_all_new([(2, 2)]), Err(AccessError::Denied));
        assert_eq!(other.delete(&1), Err(AccessError::Denied));
        assert_eq!(other.take(&1), Err(AccessError::Denied));
        assert_eq!(other.delete_object(&1, &1), Err(AccessError::Denied));
        assert_eq!(other.delete_all_objects(), Err(AccessError::Denied));
        assert_eq!(other.select_delete(|_, _| true), Err(AccessError::Denied));
        assert_eq!(other.select_replace(|_, _| Some(9)), Err(AccessError::Denied));
        assert_eq!(other.update_element(&1, |n| *n = 9), Err(AccessError::Denied));
        let add = otp_ets::CounterOp::by(1);
        assert_eq!(other.update_counter(&1, add), Err(UpdateCounterError::Denied));
        assert_eq!(other.rename("no"), Err(otp_ets::RenameError::Denied));
    })
    .await;
    assert_eq!(table.to_vec(), Ok(vec![(1, 1)]));
}

#[otp_core::test]
async fn ets_107_a_private_table_is_its_owners_alone() {
    let table = OrderedSet::<u32, u32>::builder().private().create().unwrap();
    table.insert(1, 1).unwrap();
    let other = table.clone();
    elsewhere(move || {
        assert_eq!(other.lookup(&1), Err(AccessError::Denied));
        assert_eq!(other.member(&1), Err(AccessError::Denied));
        assert_eq!(other.to_vec(), Err(AccessError::Denied));
        assert_eq!(other.range(0..), Err(AccessError::Denied));
        assert_eq!(other.prefix_of_nothing(), Err(AccessError::Denied));
        assert_eq!(other.select_reverse(|_, _| Some(())), Err(AccessError::Denied));
        assert_eq!(other.foldl(0, |_, _, _| 1), Err(AccessError::Denied));
        assert_eq!(other.foldr(0, |_, _, _| 1), Err(AccessError::Denied));
        assert_eq!(other.last(), Err(AccessError::Denied));
        assert_eq!(other.insert(2, 2), Err(AccessError::Denied));
        assert_eq!(other.delete_range(0..), Err(AccessError::Denied));
    })
    .await;
    assert_eq!(table.lookup(&1), Ok(Some(1)));
    // Code outside any process is no owner either.
    let thread = std::thread::spawn(move || table.lookup(&1));
    assert_eq!(thread.join().unwrap(), Err(AccessError::Denied));
}

/// So that the list above has one more way of reading.
trait PrefixOfNothing {
    fn prefix_of_nothing(&self) -> Result<(), AccessError>;
}

impl PrefixOfNothing for OrderedSet<u32, u32> {
    fn prefix_of_nothing(&self) -> Result<(), AccessError> {
        self.select_range(0..0, |_, _| None::<()>).map(drop)
    }
}

#[otp_core::test]
async fn ets_108_only_the_owner_hands_a_table_on_or_names_an_heir() {
    let table = Table::builder().public().create().unwrap();
    let (heir, _received) = receiver();
    let (other, to) = (table.clone(), recipient(&heir));
    elsewhere(move || {
        assert_eq!(other.give_away(&to), Err(GiveAwayError::NotOwner));
        assert_eq!(other.set_heir(Some(&to)), Err(SetHeirError::NotOwner));
    })
    .await;
    assert_eq!(table.info().unwrap().owner, process::current());
    assert_eq!(table.info().unwrap().heir, None);
    table.delete_table().unwrap();
    assert_eq!(table.give_away(&recipient(&heir)), Err(GiveAwayError::Gone));
    assert_eq!(table.set_heir(None), Err(SetHeirError::Gone));
}

#[test]
fn ets_108_a_table_without_an_owner_has_none_to_hand_it_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let heir = runtime.block_on(async { receiver().0 });
    let table = Table::new().unwrap();
    assert_eq!(table.give_away(&recipient(&heir)), Err(GiveAwayError::NotOwner));
    assert_eq!(Table::builder().heir(&recipient(&heir)).create().err(), Some(CreateError::NoOwner));
}

#[otp_core::test]
async fn ets_109_whoever_may_write_may_delete_the_table() {
    let public = Table::builder().public().create().unwrap();
    let protected = Table::new().unwrap();
    let (handles, id) = ((public.clone(), protected.clone()), public.id());
    let outcome = elsewhere(move || (handles.0.delete_table(), handles.1.delete_table())).await;
    assert_eq!(outcome, (Ok(()), Err(AccessError::Denied)));
    assert_eq!(info(id), None);
    assert_eq!(protected.delete_table(), Ok(()));
}

#[otp_core::test]
async fn ets_110_info_is_for_everyone() {
    let table = Table::builder().private().create().unwrap();
    table.insert(1, 1).unwrap();
    let (owner, id) = (process::current(), table.id());
    let info = elsewhere(move || table.info().zip(info(id))).await.unwrap();
    assert_eq!(info.0, info.1);
    assert_eq!((info.0.owner, info.0.size), (owner, 1));
}

#[otp_core::test]
async fn ets_113_giving_away_changes_the_owner_and_not_the_heir() {
    let (heir, mut to_heir) = receiver();
    let (next, mut to_next) = receiver();
    let table = Table::builder().heir(&recipient(&heir)).create().unwrap();
    table.insert(1, 1).unwrap();
    table.give_away(&recipient(&next)).unwrap();
    let moved = to_next.recv().await.unwrap();
    assert_eq!((moved.table.id(), moved.from), (table.id(), process::current().unwrap()));
    let info = table.info().unwrap();
    assert_eq!((info.owner, info.heir), (Some(next.pid()), Some(heir.pid())));
    assert_eq!(table.insert(2, 2), Err(AccessError::Denied));
    process::send_exit(next.pid(), ExitReason::Kill);
    let moved = to_heir.recv().await.unwrap();
    assert_eq!((moved.table.id(), moved.from), (table.id(), next.pid()));
    assert_eq!(table.lookup(&1), Ok(Some(1)));
}

#[otp_core::test]
async fn a_table_is_not_given_to_the_dead_or_to_oneself() {
    let outcome = attach_with(|mailbox: Mailbox<Moved>| async move {
        let table = Table::new().unwrap();
        assert_eq!(table.give_away(&mailbox.address().recipient()), Err(GiveAwayError::AlreadyOwner));
        let (dead, _received) = receiver();
        let to = recipient(&dead);
        process::send_exit(dead.pid(), ExitReason::Kill);
        ended(dead.pid()).await;
        assert_eq!(table.give_away(&to), Err(GiveAwayError::ReceiverDead));
        table.insert(1, 1)
    });
    assert_eq!(outcome.await.unwrap(), Ok(()));
}

#[otp_core::test]
async fn the_one_who_was_given_a_table_writes_to_it_and_takes_it_along() {
    let (id, table) = attach_with(|mut mailbox: Mailbox<Moved>| async move {
        let to = mailbox.address().recipient();
        let name = unique_name();
        let (giver, ()) = staying({
            let name = name.clone();
            move || {
                let table = Table::builder().name(name).create().unwrap();
                table.insert(1, 1).unwrap();
                table.give_away(&to).unwrap();
            }
        })
        .await;
        let Received::Message(moved) = mailbox.receive().await else { unreachable!() };
        giver.send(());
        ended(giver.pid()).await;
        moved.table.insert(2, 2).unwrap();
        assert_eq!(moved.table.info().unwrap().size, 2);
        assert_eq!(whereis(&name), Some(moved.table.id()));
        (moved.table.id(), moved.table)
    })
    .await
    .unwrap();
    assert_eq!(info(id), None);
    assert_eq!(table.lookup(&1), Err(AccessError::Gone));
}

#[otp_core::test]
async fn ets_115_the_heir_stays_set_and_name_and_rows_stay() {
    let (heir, mut to_heir) = receiver();
    let name = unique_name();
    let (owner, ()) = staying({
        let (name, heir) = (name.clone(), recipient(&heir));
        move || Table::builder().name(name).heir(&heir).create().unwrap().insert(1, 1).unwrap()
    })
    .await;
    process::send_exit(owner.pid(), ExitReason::Kill);
    let moved = to_heir.recv().await.unwrap();
    assert_eq!(moved.from, owner.pid());
    let info = moved.table.info().unwrap();
    assert_eq!((info.owner, info.heir), (Some(heir.pid()), Some(heir.pid())));
    assert_eq!((info.name, info.size), (Some(name.clone()), 1));
    assert_eq!(whereis(&name), Some(moved.table.id()));
    // Its own heir is dead with it.
    process::send_exit(heir.pid(), ExitReason::Kill);
    ended(heir.pid()).await;
    assert_eq!(whereis(&name), None);
    assert_eq!(moved.table.lookup(&1), Err(AccessError::Gone));
}

#[otp_core::test]
async fn ets_117_a_dead_heir_gets_nothing_and_nobody_in_its_place() {
    let (heir, _to_heir) = receiver();
    let to = recipient(&heir);
    let (owner, table) = staying(move || {
        let table = Table::builder().heir(&to).create().unwrap();
        table.insert(1, 1).unwrap();
        table
    })
    .await;
    process::send_exit(heir.pid(), ExitReason::Kill);
    ended(heir.pid()).await;
    let (_next, mut to_next) = receiver();
    process::send_exit(owner.pid(), ExitReason::Kill);
    ended(owner.pid()).await;
    assert_eq!(table.lookup(&1), Err(AccessError::Gone));
    assert!(to_next.try_recv().is_err());
}

#[otp_core::test]
async fn ets_119_a_table_is_gone_before_anyone_hears_of_its_owners_death() {
    let name = unique_name();
    attach_with(|mut mailbox: Mailbox<()>| async move {
        for _ in 0..50 {
            let (owner, id) = staying({
                let name = name.clone();
                move || Table::builder().name(name).create().unwrap().id()
            })
            .await;
            process::monitor(owner.pid()).unwrap();
            owner.send(());
            let Received::Down(_) = mailbox.receive().await else { unreachable!() };
            assert_eq!((whereis(&name), info(id)), (None, None));
        }
    })
    .await
    .unwrap();
}

#[otp_core::test]
async fn ets_120_the_owner_sets_and_clears_the_heir() {
    let (heir, mut to_heir) = receiver();
    let (to, other) = (recipient(&heir), recipient(&heir));
    let (owner, ids) = staying(move || {
        let with = Table::new().unwrap();
        with.set_heir(Some(&to)).unwrap();
        let without = Table::builder().heir(&other).create().unwrap();
        without.set_heir(None).unwrap();
        (with.id(), without.id())
    })
    .await;
    assert_eq!(info(ids.0).unwrap().heir, Some(heir.pid()));
    assert_eq!(info(ids.1).unwrap().heir, None);
    owner.send(());
    ended(owner.pid()).await;
    assert_eq!(to_heir.recv().await.unwrap().table.id(), ids.0);
    assert_eq!(info(ids.1), None);
}

#[otp_core::test]
async fn ets_120_a_process_that_is_dead_already_is_no_heir() {
    attach_with(|_: Mailbox<()>| async {
        let (heir, _received) = receiver();
        let to = recipient(&heir);
        process::send_exit(heir.pid(), ExitReason::Kill);
        ended(heir.pid()).await;
        let at_birth = Table::builder().heir(&to).create().unwrap();
        assert_eq!(at_birth.info().unwrap().heir, None);
        let later = Table::new().unwrap();
        later.set_heir(Some(&to)).unwrap();
        assert_eq!(later.info().unwrap().heir, None);
    })
    .await
    .unwrap();
}

#[otp_core::test]
async fn ets_121_many_tables_and_rows_hold_nobody_up() {
    let (owner, tables) = staying(|| {
        let huge = Table::new().unwrap();
        huge.insert_all((0..200_000).map(|n| (n, n))).unwrap();
        let many: Vec<_> = (0..200).map(|_| Table::new().unwrap()).collect();
        (huge, many)
    })
    .await;
    process::send_exit(owner.pid(), ExitReason::Kill);
    tokio::time::timeout(Duration::from_secs(10), ended(owner.pid())).await.expect("it ends");
    assert_eq!(tables.0.lookup(&1), Err(AccessError::Gone));
    assert!(tables.1.iter().all(|table| table.info().is_none()));
}

/// The freeing of many rows runs where no process is.
#[otp_core::test]
async fn ets_121_the_rows_of_a_huge_table_are_freed_on_another_thread() {
    #[derive(Clone)]
    struct Tells(std::sync::mpsc::Sender<Option<String>>);
    impl Drop for Tells {
        fn drop(&mut self) {
            // The test may have ended.
            self.0.send(std::thread::current().name().map(str::to_owned)).unwrap_or(());
        }
    }
    let (sender, names) = std::sync::mpsc::channel();
    let table = Set::<u32, Option<Tells>>::new().unwrap();
    table.insert_all((0..20_000).map(|n| (n, None))).unwrap();
    table.insert(0, Some(Tells(sender))).unwrap();
    table.delete_table().unwrap();
    let name = tokio::task::spawn_blocking(move || names.recv().unwrap()).await.unwrap();
    assert_eq!(name.as_deref(), Some("otp-ets-free"));
}

#[otp_core::test]
async fn a_dying_process_makes_no_table() {
    struct MakesOne(oneshot::Sender<Option<CreateError>>);
    let (sender, outcome) = oneshot::channel();
    struct AtTheEnd(Option<MakesOne>);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            if let Some(MakesOne(sender)) = self.0.take() {
                sender.send(Table::new().err()).expect("the test waits");
            }
        }
    }
    let state = AtTheEnd(Some(MakesOne(sender)));
    let process = spawn(move |_: Mailbox<()>| async move {
        let _state = state;
        std::future::pending::<()>().await;
    });
    tokio::task::yield_now().await;
    process::send_exit(process.pid(), ExitReason::Kill);
    assert_eq!(outcome.await.unwrap(), Some(CreateError::OwnerDead));
}

#[otp_core::test]
async fn an_owner_that_panics_takes_its_table_along() {
    let (sender, made) = oneshot::channel();
    let owner = spawn(move |_: Mailbox<()>| async move {
        sender.send(Table::new().unwrap()).expect("the test waits");
        assert!(process::current().is_none(), "on purpose");
    });
    let table = made.await.unwrap();
    ended(owner.pid()).await;
    assert_eq!(table.lookup(&1), Err(AccessError::Gone));
}

#[otp_core::test]
async fn an_heir_hears_nothing_of_a_table_that_was_deleted_since_its_owner_died() {
    /// Deletes a table when the last copy goes.
    #[derive(Clone)]
    struct Last(#[expect(dead_code, reason = "dropped, not read")] std::sync::Arc<Deletes>);
    struct Deletes(Table);
    impl Drop for Deletes {
        fn drop(&mut self) {
            self.0.delete_table().unwrap();
        }
    }

    let (heir, mut to_heir) = receiver();
    let to = recipient(&heir);
    let (first, second) = elsewhere(move || {
        // The one that was made first goes first.
        let first = Set::builder().create().unwrap();
        let second = Table::builder().public().heir(&to).create().unwrap();
        first.insert(1, Last(std::sync::Arc::new(Deletes(second.clone())))).unwrap();
        (first.id(), second)
    })
    .await;
    assert_eq!(info(first), None);
    assert_eq!(second.info(), None);
    process::send_exit(heir.pid(), ExitReason::Kill);
    ended(heir.pid()).await;
    assert!(to_heir.recv().await.is_none());
}
