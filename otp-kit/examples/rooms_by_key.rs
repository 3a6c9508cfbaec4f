//! A process for each room, found by the room's name, started when somebody first asks for it.

use std::error::Error;

use otp::supervisor::StartChildError;
use otp::{DynamicSupervisor, DynamicSupervisorClient, IntoChildSpec, Name, Registry, Restart};
use otp::{Supervisor, Via, gen_server};

const ROOMS: Name<DynamicSupervisor> = Name::new("rooms");

#[derive(Default)]
struct Room {
    said: Vec<String>,
}

#[gen_server]
impl Room {
    fn init() -> Self {
        Self::default()
    }

    /// Answers how much has been said.
    #[call]
    fn say(&mut self, text: String) -> usize {
        self.said.push(text);
        self.said.len()
    }
}

/// The room of this name; started, if it is not there.
async fn room(rooms: &Registry<String>, name: &str) -> Result<Via<Room, String>, StartChildError> {
    let via = rooms.via(name);
    if via.whereis().is_none() {
        // A room that ends comes back when it is asked for, and not by itself.
        let child = Room::start_link().name(via.clone()).child_spec().restart(Restart::Temporary);
        match ROOMS.start_child(child).await {
            Ok(_) | Err(StartChildError::AlreadyStarted(_)) => {} // somebody else may have been faster
            Err(error) => return Err(error),
        }
    }
    Ok(via)
}

#[otp::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let rooms: Registry<String> = Registry::unique("room registry");
    Supervisor::rest_for_one()
        .child(rooms.clone())
        .child(DynamicSupervisor::new().start_link().name(ROOMS))
        .start_link()
        .await?;

    assert_eq!(room(&rooms, "lobby").await?.say("hello".into()).await?, 1);
    assert_eq!(room(&rooms, "lobby").await?.say("anybody?".into()).await?, 2);
    assert_eq!(room(&rooms, "kitchen").await?.say("hello".into()).await?, 1);
    assert_eq!(rooms.count()?, 2);

    // A room that has ended is gone from the registry before anyone hears of it.
    rooms.via::<Room>("lobby").stop().await?;
    assert_eq!(rooms.lookup("lobby")?, None);
    assert_eq!(room(&rooms, "lobby").await?.say("again".into()).await?, 1);
    Ok(())
}
