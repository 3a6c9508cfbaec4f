//! A program that uses one crate without the facade. Its output is compared with `expected-output.txt`.

use std::error::Error;

use otp_genserver::{Context, InitError, gen_server, process};

struct Counter {
    count: i64,
}

#[gen_server]
impl Counter {
    async fn init(start: i64) -> Result<Self, InitError> {
        Ok(Self { count: start })
    }

    #[call]
    fn get(&self) -> i64 {
        self.count
    }

    #[cast]
    fn add(&mut self, n: i64) {
        self.count += n;
    }

    #[call]
    fn crash(&self, _cx: &mut Context<Self>) -> i64 {
        process::exit(otp_genserver::ExitReason::new("asked to"))
    }
}

#[otp_genserver::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let counter = Counter::start(1).name("counter").await?;
    counter.add(2);
    println!("{}", counter.get().await?);
    println!("{}", counter.crash().await.unwrap_err());
    println!("{:?}", process::whereis("counter"));
    Ok(())
}
