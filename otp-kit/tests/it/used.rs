//! The crates work together under the facade's paths, with nothing but `otp` in the manifest, also through the macros.

use otp::{
    Agent, AgentClient, Context, DynamicSupervisor, DynamicSupervisorClient, InitError, PubSub, Registry,
};
use otp::{OrderedSet, Supervisor, gen_server, query};

/// A server that uses a table and a bus.
struct Board {
    lines: OrderedSet<u32, String>,
}

#[gen_server(vis = pub(crate))]
impl Board {
    fn init(bus: PubSub<String>, cx: &mut Context<Self>) -> Result<Self, InitError> {
        bus.subscribe("board", cx.server_ref())?;
        Ok(Self { lines: OrderedSet::new()? })
    }

    #[info]
    fn line(&mut self, text: String) -> Result<(), otp::ets::AccessError> {
        let next = self.lines.to_vec()?.len();
        self.lines.insert(u32::try_from(next).unwrap_or(u32::MAX), text)
    }

    #[call]
    fn longer_than(&self, length: usize) -> Vec<u32> {
        self.lines.select(query!((number, text) if text.len() > length => *number)).unwrap_or_default()
    }
}

impl From<String> for BoardInfo {
    fn from(text: String) -> Self {
        Self::Line(text)
    }
}

#[otp::test]
async fn the_crates_work_together_under_the_facades_paths() {
    let boards: Registry<String> = Registry::unique("boards");
    let bus = PubSub::new("bus");
    let supervisor = otp::Name::<DynamicSupervisor>::new("board supervisor");
    Supervisor::rest_for_one()
        .child(boards.clone())
        .child(bus.clone())
        .child(DynamicSupervisor::new().start_link().name(supervisor.clone()))
        .child(Agent::start_link(|| 3_usize).name(otp::Name::new("length")))
        .start_link()
        .await
        .unwrap();

    supervisor.start_child(Board::start_link(bus.clone()).name(boards.via("first"))).await.unwrap();
    for line in ["a", "bcde", "fghij"] {
        bus.broadcast("board", line.to_owned()).unwrap();
    }
    let length = otp::Name::<Agent<usize>>::new("length").get(|length| *length).await.unwrap();
    assert_eq!(boards.via::<Board>("first").longer_than(length).await, Ok(vec![1, 2]));
}
