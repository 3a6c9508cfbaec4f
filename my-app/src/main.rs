//! The example application of OTP for Rust: an HTTP service over a TTL cache, a rate limiter and slow reports.
//!
//! This file is its beginning: what it is configured with, and the tree that `otp::Application`'s runner starts, watches,
//! and stops in order when a signal comes.

mod args;
mod cache;
mod check;
mod config_cache;
mod limiter;
mod mail;
mod report;
mod rooms;
mod tree;
mod web;

use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use otp::{AppSpec, Application, ExitReason, Runner, Started, StopToken};
use tracing_subscriber::EnvFilter;

use crate::args::{Command, Config};
use crate::cache::{CACHE, CacheClient};
use crate::mail::Outbox;
use crate::rooms::{ROOMS, Rooms};
use crate::tree::{ROOT, tree};
use crate::web::App;

fn main() -> ExitCode {
    let port = std::env::var("PORT").ok();
    let flags = match args::parse(std::env::args().skip(1), port.as_deref()) {
        Ok(Command::Help) => {
            say(args::HELP.trim_end());
            return ExitCode::SUCCESS;
        }
        Ok(Command::Serve(flags)) => flags,
        Err(mistake) => {
            complain(&format!("{mistake}\nmy-app --help says what there is"));
            return ExitCode::from(2);
        }
    };
    log_to_stderr();
    let mut runner = Runner::new(AppSpec::of::<MyApp>());
    for (key, value) in flags {
        runner = runner.config(key, value);
    }
    let code = runner.run();
    if code == ExitCode::SUCCESS {
        say("stopped in order");
    }
    code
}

struct MyApp;

impl Application for MyApp {
    type Config = Config;
    type State = ();
    const NAME: &'static str = "my_app";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    async fn start(config: Config) -> Result<Started, ExitReason> {
        start(config).await
    }

    async fn prep_stop((): &mut ()) {
        say("stopping: no new connections");
    }
}

/// Starts the tree. The port comes first: if it is taken, nothing else is worth starting.
async fn start(config: Config) -> Result<Started, ExitReason> {
    let listener = bind(config.port)?;
    let url = format!("http://{}", listener.local_addr()?);
    let settings = config.settings();
    let rooms = Rooms::new("room registry", "room bus", ROOMS);
    let app = App {
        settings: settings.clone(),
        url: url.clone(),
        rooms: rooms.clone(),
        outbox: Outbox::default(),
        stop: None,
    };
    let listener = Arc::new(listener);
    let web = move |stop: StopToken| serve(Arc::clone(&listener), app.clone(), stop);
    let root = tree(&settings, &rooms).child(tree::endpoint(web)).start_link().name(ROOT).await?;
    // The cache loads its seed after its start; this call waits behind that.
    if let Err(error) = CACHE.stats().await {
        let _ = root.stop().await;
        return Err(ExitReason::new(format!(
            "the cache did not load its seed ({error}); the log above says why"
        )));
    }
    say(&format!("{url}\n\nTry:\n{}\nctrl-c stops it.", web::commands(&url)));
    Ok(root.into())
}

/// The endpoint: serves until it is told to stop, and then finishes what it has begun. The connections' tasks are axum's
/// own, and no processes. The socket outlives it, so that one that is restarted finds its port.
async fn serve(listener: Arc<TcpListener>, app: App, stop: StopToken) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener.try_clone()?)?;
    let app = App { stop: Some(stop.clone()), ..app };
    let service = web::router(Arc::new(app)).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop.stopped_owned()).await
}

fn bind(port: u16) -> Result<TcpListener, ExitReason> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        ExitReason::new(match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("port {port} is taken: choose another with --port N, or any free one with --port 0")
            }
            _ => format!("cannot listen on port {port}: {error}"),
        })
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

/// To stdout, and no harm if nobody reads it.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "my-app: {text}");
}
