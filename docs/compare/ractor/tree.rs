//! The tree of otp-kit/examples/supervision_tree.rs, on ractor 0.16. There is no strategy to choose: the supervisor stops and
//! starts the others itself.

use std::collections::hash_map::{Entry, HashMap};

use ractor::{
    Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent, call_t, registry,
};
use tokio::task::yield_now;

type Outcome<T> = Result<T, ActorProcessingErr>;

struct Read {
    key: u32,
    reply: RpcReplyPort<u32>,
}

struct Store;

impl Actor for Store {
    type Msg = Read;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Read>, (): ()) -> Outcome<()> {
        Ok(())
    }
    async fn handle(&self, _: ActorRef<Read>, read: Read, (): &mut ()) -> Outcome<()> {
        Ok(read.reply.send(read.key * read.key)?)
    }
}

struct Cache;

impl Actor for Cache {
    type Msg = Read;
    type State = HashMap<u32, u32>;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Read>, (): ()) -> Outcome<HashMap<u32, u32>> {
        Ok(HashMap::new())
    }
    async fn handle(
        &self,
        _: ActorRef<Read>,
        Read { key, reply }: Read,
        entries: &mut HashMap<u32, u32>,
    ) -> Outcome<()> {
        let value = match entries.entry(key) {
            Entry::Occupied(cached) => *cached.get(),
            Entry::Vacant(place) => *place.insert(read("store", key).await?),
        };
        Ok(reply.send(value)?)
    }
}

struct Web;

impl Actor for Web {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Outcome<()> {
        Ok(())
    }
}

struct Root;

impl Root {
    async fn start(index: usize, root: ActorCell) -> Outcome<ActorCell> {
        Ok(match index {
            0 => Actor::spawn_linked(Some("store".into()), Store, (), root).await?.0.get_cell(),
            1 => Actor::spawn_linked(Some("cache".into()), Cache, (), root).await?.0.get_cell(),
            _ => Actor::spawn_linked(Some("web".into()), Web, (), root).await?.0.get_cell(),
        })
    }
}

impl Actor for Root {
    type Msg = ();
    type State = Vec<ActorCell>;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Outcome<Vec<ActorCell>> {
        let mut children = Vec::new();
        for index in 0..3 {
            children.push(Self::start(index, myself.get_cell()).await?);
        }
        Ok(children)
    }
    async fn post_stop(&self, _: ActorRef<()>, children: &mut Vec<ActorCell>) -> Outcome<()> {
        for child in children.drain(..).rev() {
            child.stop_and_wait(None, None).await?;
        }
        Ok(())
    }
    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        children: &mut Vec<ActorCell>,
    ) -> Outcome<()> {
        let (SupervisionEvent::ActorFailed(dead, _) | SupervisionEvent::ActorTerminated(dead, ..)) = event
        else {
            return Ok(());
        };
        // One that was stopped below is no longer among them.
        let Some(first) = children.iter().position(|child| child.get_id() == dead.get_id()) else {
            return Ok(());
        };
        for child in children.drain(first..).skip(1).rev() {
            child.stop_and_wait(None, None).await?;
        }
        for index in first..3 {
            children.push(Self::start(index, myself.get_cell()).await?);
        }
        Ok(())
    }
}

async fn read(from: &str, key: u32) -> Outcome<u32> {
    let server = ActorRef::<Read>::where_is(from).ok_or("it does not run")?;
    Ok(call_t!(server, |reply| Read { key, reply }, 5000)?)
}

/// The actors of the three, in the order of their start.
fn actors() -> Vec<Option<ActorCell>> {
    ["store", "cache", "web"].into_iter().map(|name| registry::where_is(name)).collect()
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let (root, running) = Actor::spawn(None, Root, ()).await?;
    assert_eq!(read("cache", 7).await?, 49);

    let before = actors();
    before[1].as_ref().ok_or("no cache")?.kill();
    while actors().contains(&None) || actors()[2] == before[2] {
        yield_now().await;
    }
    let after = actors();
    assert_eq!(after[0], before[0]); // the store lives on
    assert_ne!(after[2], before[2]); // what stands on the cache was started again, after it
    assert_eq!(read("cache", 7).await?, 49);

    root.stop(None);
    running.await?;
    assert_eq!(actors(), [None, None, None]);
    Ok(())
}
