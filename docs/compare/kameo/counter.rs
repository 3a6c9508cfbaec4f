//! The counter of otp-kit/examples/counter.rs, on kameo 0.22.

use std::error::Error;

use kameo::Actor;
use kameo::actor::Spawn;

#[derive(Actor)]
struct Counter(i64);

#[kameo::messages]
impl Counter {
    #[message]
    fn get(&self) -> i64 {
        self.0
    }
    #[message]
    fn add(&mut self, n: i64) {
        self.0 += n;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let counter = Counter::spawn(Counter(0));
    counter.tell(Add { n: 5 }).await?;
    assert_eq!(counter.ask(Get).await?, 5);
    Ok(())
}
