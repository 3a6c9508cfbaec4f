//! Whoever is interested hears what happens, and whoever tells it does not know them. One listener's crash is no other
//! listener's matter.

use std::error::Error;

use otp::{Context, InitError, PubSub, Supervisor, gen_server};
use tokio::task::yield_now;

#[derive(Clone)]
struct OrderPlaced {
    euros: u32,
}

/// Adds up what was ordered.
struct Revenue(u32);

#[gen_server]
impl Revenue {
    fn init(bus: PubSub<OrderPlaced>, cx: &mut Context<Self>) -> Result<Self, InitError> {
        bus.subscribe("orders", cx.server_ref())?;
        Ok(Self(0))
    }

    #[info]
    fn order_placed(&mut self, order: OrderPlaced) {
        self.0 += order.euros;
    }

    #[call]
    fn total(&self) -> u32 {
        self.0
    }
}

impl From<OrderPlaced> for RevenueInfo {
    fn from(order: OrderPlaced) -> Self {
        Self::OrderPlaced(order)
    }
}

/// Can't stand large orders.
struct Picky;

#[gen_server]
impl Picky {
    fn init(bus: PubSub<OrderPlaced>, cx: &mut Context<Self>) -> Result<Self, InitError> {
        bus.subscribe("orders", cx.server_ref())?;
        Ok(Self)
    }

    #[info]
    fn order_placed(&mut self, order: OrderPlaced) {
        assert!(order.euros < 100, "a crash on purpose");
    }
}

impl From<OrderPlaced> for PickyInfo {
    fn from(order: OrderPlaced) -> Self {
        Self::OrderPlaced(order)
    }
}

#[otp::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let bus: PubSub<OrderPlaced> = PubSub::new("bus");
    Supervisor::one_for_one().child(bus.clone()).start_link().await?;

    let revenue = Revenue::start_link(bus.clone()).await?;
    let picky = Picky::start(bus.clone()).await?;
    // Code that is no process listens by a stream: it keeps the newest 16 events.
    let mut stream = bus.subscribe_stream("orders", 16).await?;

    bus.broadcast("orders", OrderPlaced { euros: 250 })?;
    while picky.is_alive() {
        yield_now().await; // it crashes
    }
    bus.broadcast("orders", OrderPlaced { euros: 30 })?;

    assert_eq!(revenue.total().await?, 280);
    assert_eq!(stream.recv().await.map(|order| order.euros), Some(250));
    Ok(())
}
