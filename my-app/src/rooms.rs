//! [`Rooms`]: chat rooms that are started when somebody first asks for them, and end when nobody has for a while.
//!
//! A room is a server, found by its key in a registry. Whoever wants to see it live subscribes to its topic; the room
//! broadcasts there what is said, and does not know who listens. What a room remembers dies with it: it is a process, and no
//! record of anything.

use std::collections::VecDeque;
use std::time::Duration;

use otp::pubsub::SubscribeError;
use otp::supervisor::StartChildError;
use otp::{
    CallError, Context, DynamicSupervisor, DynamicSupervisorClient, ExitReason, IntoChildSpec, Name, PubSub,
    Registry, Restart, Subscription, Via, gen_server,
};
use serde::Serialize;

/// Above the rooms.
pub(crate) const ROOMS: Name<DynamicSupervisor> = Name::new("rooms");

/// How many lines a room remembers for who joins later.
pub(crate) const REMEMBERED: usize = 50;

/// How many lines a listener may be behind before it misses some.
const BEHIND: usize = 256;

/// A room in which nothing was said or asked for so long ends.
const IDLE: Duration = Duration::from_secs(600);

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// Counts from 1 in each life of a room.
    pub(crate) number: u64,
    pub(crate) text: String,
}

/// What there is to know of the rooms: cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Rooms {
    pub(crate) registry: Registry<String>,
    pub(crate) bus: PubSub<Line>,
    supervisor: Name<DynamicSupervisor>,
}

impl Rooms {
    /// Of these names; the tree starts what they stand for.
    pub(crate) fn new(
        registry: &'static str,
        bus: &'static str,
        supervisor: Name<DynamicSupervisor>,
    ) -> Self {
        Self { registry: Registry::unique(registry), bus: PubSub::new(bus), supervisor }
    }

    fn via(&self, name: &str) -> Via<Room, String> {
        self.registry.via(name.to_owned())
    }

    /// The room of this name, started if it is not there.
    async fn room(&self, name: &str) -> Result<Via<Room, String>, StartChildError> {
        let via = self.via(name);
        if via.whereis().is_none() {
            let settings = RoomSettings { topic: topic(name), bus: self.bus.clone() };
            // It comes back when it is asked for, and not by itself.
            let room = Room::start_link(settings).name(via.clone()).child_spec().restart(Restart::Temporary);
            match self.supervisor.start_child(room).await {
                // Somebody else was faster.
                Ok(_) | Err(StartChildError::AlreadyStarted(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(via)
    }

    /// Says something in a room.
    pub(crate) async fn say(&self, name: &str, text: &str) -> Result<Line, RoomError> {
        Ok(self.room(name).await?.say(text.to_owned()).await?)
    }

    /// What was said in a room lately, and all that is said from now on.
    pub(crate) async fn join(&self, name: &str) -> Result<(Vec<Line>, Subscription<Line>), RoomError> {
        // In this order nothing is missed; what is said in between comes twice.
        let live = self.bus.subscribe_stream(topic(name), BEHIND).await?;
        let said = self.room(name).await?.said().await?;
        Ok((said, live))
    }
}

fn topic(name: &str) -> String {
    format!("room:{name}")
}

/// Why a room did not answer.
#[derive(Debug)]
pub(crate) enum RoomError {
    NotStarted(StartChildError),
    Call(CallError),
    Bus(SubscribeError),
}

impl From<StartChildError> for RoomError {
    fn from(error: StartChildError) -> Self {
        Self::NotStarted(error)
    }
}

impl From<CallError> for RoomError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<SubscribeError> for RoomError {
    fn from(error: SubscribeError) -> Self {
        Self::Bus(error)
    }
}

/// What a room is started with.
#[derive(Debug, Clone)]
pub(crate) struct RoomSettings {
    topic: String,
    bus: PubSub<Line>,
}

/// One room.
#[derive(Debug)]
pub(crate) struct Room {
    settings: RoomSettings,
    last: u64,
    said: VecDeque<Line>,
}

#[gen_server(vis = pub(crate))]
impl Room {
    fn init(settings: RoomSettings, cx: &mut Context<Self>) -> Self {
        cx.set_timeout(IDLE);
        Self { settings, last: 0, said: VecDeque::new() }
    }

    #[call]
    fn say(&mut self, text: String, cx: &mut Context<Self>) -> Line {
        cx.set_timeout(IDLE);
        self.last += 1;
        let line = Line { number: self.last, text };
        if self.said.len() == REMEMBERED {
            self.said.pop_front();
        }
        self.said.push_back(line.clone());
        if let Err(error) = self.settings.bus.broadcast(&self.settings.topic, line.clone()) {
            tracing::warn!(%error, "a line was said that nobody hears");
        }
        line
    }

    /// What it remembers, the oldest first.
    #[call]
    fn said(&self, cx: &mut Context<Self>) -> Vec<Line> {
        cx.set_timeout(IDLE);
        self.said.iter().cloned().collect()
    }

    fn handle_timeout(&mut self, cx: &mut Context<Self>) {
        cx.stop(ExitReason::Normal);
    }
}

#[cfg(test)]
mod tests {
    use otp::process;
    use tokio::time::Instant;

    use super::*;

    async fn rooms(registry: &'static str, bus: &'static str) -> Rooms {
        let rooms = Rooms::new(registry, bus, Name::owned(format!("supervisor of {registry}")));
        rooms.registry.start().await.unwrap();
        rooms.bus.start().await.unwrap();
        DynamicSupervisor::new().start().name(rooms.supervisor.clone()).await.unwrap();
        rooms
    }

    fn texts(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| &*line.text).collect()
    }

    #[otp::test(start_paused = true)]
    async fn who_joins_sees_what_was_said_and_hears_what_is_said() {
        let rooms = rooms("rooms 1", "bus 1").await;
        rooms.say("lobby", "before").await.unwrap();
        let (said, mut live) = rooms.join("lobby").await.unwrap();
        assert_eq!(texts(&said), ["before"]);
        rooms.say("kitchen", "elsewhere").await.unwrap();
        let line = rooms.say("lobby", "after").await.unwrap();
        assert_eq!((line.number, live.recv().await), (2, Some(line)));
        assert_eq!(rooms.registry.count(), Ok(2));
    }

    #[otp::test(start_paused = true)]
    async fn all_who_ask_at_once_get_the_same_room() {
        let rooms = rooms("rooms 2", "bus 2").await;
        let (a, b, c) =
            tokio::join!(rooms.say("lobby", "a"), rooms.say("lobby", "b"), rooms.say("lobby", "c"));
        let mut numbers = [a, b, c].map(|line| line.unwrap().number);
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3]);
    }

    #[otp::test(start_paused = true)]
    async fn a_room_remembers_so_many_lines_and_no_more() {
        let rooms = rooms("rooms 3", "bus 3").await;
        for n in 0..=REMEMBERED {
            rooms.say("lobby", &n.to_string()).await.unwrap();
        }
        let (said, _) = rooms.join("lobby").await.unwrap();
        assert_eq!((said.len(), &*said[0].text), (REMEMBERED, "1"));
    }

    #[otp::test(start_paused = true)]
    async fn a_killed_room_is_started_anew_by_who_asks_next_and_listeners_stay() {
        let rooms = rooms("rooms 4", "bus 4").await;
        rooms.say("lobby", "lost").await.unwrap();
        let (_, mut live) = rooms.join("lobby").await.unwrap();
        let room = rooms.via("lobby").whereis().unwrap();
        process::send_exit(room, ExitReason::Kill);
        while process::is_alive(room) {
            tokio::task::yield_now().await;
        }
        rooms.say("lobby", "again").await.unwrap();
        assert_eq!(live.recv().await.unwrap(), Line { number: 1, text: "again".to_owned() });
        assert_eq!(texts(&rooms.join("lobby").await.unwrap().0), ["again"]);
    }

    #[otp::test(start_paused = true)]
    async fn a_room_in_which_nothing_happens_ends() {
        let rooms = rooms("rooms 5", "bus 5").await;
        rooms.say("lobby", "hello").await.unwrap();
        let began = Instant::now();
        tokio::time::sleep(IDLE / 2).await;
        let (said, _) = rooms.join("lobby").await.unwrap();
        assert_eq!(texts(&said), ["hello"]);
        while rooms.via("lobby").whereis().is_some() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let lived = began.elapsed();
        assert!(IDLE / 2 + IDLE <= lived && lived <= IDLE / 2 + IDLE + Duration::from_secs(1), "{lived:?}");
    }
}
