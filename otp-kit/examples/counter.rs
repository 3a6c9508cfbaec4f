//! The smallest server: a number that many may add to. One process owns it, so nothing is locked.

use std::error::Error;

use otp::gen_server;

struct Counter(i64);

#[gen_server]
impl Counter {
    fn init(start: i64) -> Self {
        Self(start)
    }
    #[call]
    fn get(&self) -> i64 {
        self.0
    }
    #[cast]
    fn add(&mut self, n: i64) {
        self.0 += n;
    }
}

#[otp::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let counter = Counter::start_link(0).await?;
    counter.add(5); // a cast: sent, and no answer
    assert_eq!(counter.get().await?, 5); // a call: waits for the answer, for 5 seconds at most
    Ok(())
}
