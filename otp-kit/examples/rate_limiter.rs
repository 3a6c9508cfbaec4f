//! So many requests per client and second. The counts stand in a table that every request handler counts up itself:
//! nobody waits for the server, which owns the table and empties it once per window.

use std::error::Error;
use std::time::Duration;

use otp::ets::{AccessError, CounterOp};
use otp::{Context, InitError, Set, Supervisor, gen_server};
use tokio::time::sleep;

const LIMIT: u64 = 3;
const WINDOW: Duration = Duration::from_secs(1);

type Hits = Set<String, u64>;

struct Limiter {
    hits: Hits,
}

#[gen_server]
impl Limiter {
    fn init(cx: &mut Context<Self>) -> Result<Self, InitError> {
        cx.send_interval(WINDOW, || LimiterInfo::NextWindow);
        Ok(Self { hits: Set::builder().name("hits").public().create()? })
    }

    #[info]
    fn next_window(&mut self) -> Result<(), AccessError> {
        self.hits.delete_all_objects()
    }
}

/// Whether a client may go on. A change to one row happens at one moment, so no request is counted twice or missed.
fn allow(client: &str) -> Result<bool, Box<dyn Error>> {
    let hits = Hits::whereis("hits")?.update_counter_or(client.to_owned(), 0, CounterOp::by(1))?;
    Ok(hits <= LIMIT)
}

#[otp::main]
async fn main() -> Result<(), Box<dyn Error>> {
    Supervisor::one_for_one().child(Limiter::start_link()).start_link().await?;

    let answers = [allow("ann")?, allow("ann")?, allow("ann")?, allow("ann")?];
    assert_eq!(answers, [true, true, true, false]);
    assert!(allow("bob")?); // each client has a count of its own

    while !allow("ann")? {
        sleep(Duration::from_millis(50)).await; // until the next window
    }
    Ok(())
}
