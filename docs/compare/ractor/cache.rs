//! The cache of otp-kit/examples/ttl_cache.rs, on ractor 0.16. A supervisor is an actor that starts its child again itself.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent, call_t, cast};
use tokio::task::yield_now;
use tokio::time::Instant;

type Entries = HashMap<String, (Instant, String)>;

struct Cache;

enum Message {
    Put { key: String, value: String, ttl: Duration },
    Get { key: String, reply: RpcReplyPort<Option<String>> },
    Sweep,
}

impl Actor for Cache {
    type Msg = Message;
    type State = Entries;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Message>, (): ()) -> Result<Entries, ActorProcessingErr> {
        myself.send_interval(Duration::from_secs(1), || Message::Sweep);
        Ok(HashMap::new())
    }
    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        entries: &mut Entries,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Put { key, value, ttl } => {
                entries.insert(key, (Instant::now() + ttl, value));
            }
            Message::Get { key, reply } => {
                let entry = entries.get(&key).filter(|(until, _)| *until > Instant::now());
                reply.send(entry.map(|(_, value)| value.clone()))?;
            }
            Message::Sweep => entries.retain(|_, (until, _)| *until > Instant::now()),
        }
        Ok(())
    }
}

struct Root;

impl Root {
    async fn start(myself: &ActorRef<()>) -> Result<(), ActorProcessingErr> {
        Actor::spawn_linked(Some("cache".into()), Cache, (), myself.get_cell()).await?;
        Ok(())
    }
}

impl Actor for Root {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Self::start(&myself).await
    }
    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(..) | SupervisionEvent::ActorTerminated(..) => {
                Self::start(&myself).await
            }
            _ => Ok(()),
        }
    }
}

fn cache() -> Option<ActorRef<Message>> {
    ActorRef::where_is("cache")
}

fn put(key: &str, value: &str, ttl: Duration) -> Result<(), Box<dyn Error>> {
    let (key, value) = (key.into(), value.into());
    Ok(cast!(cache().ok_or("no cache")?, Message::Put { key, value, ttl })?)
}

async fn get(key: &str) -> Result<Option<String>, Box<dyn Error>> {
    let cache = cache().ok_or("no cache")?;
    Ok(call_t!(cache, |reply| Message::Get { key: key.into(), reply }, 5000)?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    Actor::spawn(None, Root, ()).await?;
    put("color", "blue", Duration::from_secs(60))?;
    put("mood", "good", Duration::ZERO)?;
    assert_eq!(get("color").await?.as_deref(), Some("blue"));
    assert_eq!(get("mood").await?, None);

    let killed = cache().ok_or("no cache")?;
    killed.kill();
    while cache().is_none_or(|cache| cache.get_id() == killed.get_id()) {
        yield_now().await;
    }
    assert_eq!(get("color").await?, None);
    Ok(())
}
