//! A supervised service in 25 lines: `cargo run --example service`, then ctrl-c. `SERVICE_PORT=0` takes any free port.

use otp_application::{Application, ExitReason, Started};
use otp_supervisor::{StopToken, Supervisor};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

#[derive(serde::Deserialize)]
struct Config {
    port: u16,
}

struct Service;

impl Application for Service {
    type Config = Config;
    type State = ();
    const NAME: &'static str = "service";

    async fn start(config: Config) -> Result<Started, ExitReason> {
        let taken = |error| ExitReason::new(format!("cannot listen on port {}: {error}", config.port));
        let listener = Arc::new(TcpListener::bind(("127.0.0.1", config.port)).await.map_err(taken)?);
        println!("listening on {}", listener.local_addr()?);
        let serve = move |stop: StopToken| greet(Arc::clone(&listener), stop);
        Ok(Supervisor::one_for_one().child(serve).start_link().await?.into())
    }
}

/// Says hello to whoever connects, until told to stop.
async fn greet(listener: Arc<TcpListener>, stop: StopToken) -> Result<(), std::io::Error> {
    loop {
        tokio::select! {
            connection = listener.accept() => connection?.0.try_write(b"hello\n").map(drop)?,
            () = stop.stopped() => return Ok(()),
        }
    }
}

fn main() -> ExitCode {
    otp_application::run::<Service>()
}
