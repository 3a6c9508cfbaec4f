//! The example application of OTP for Rust: an HTTP service over a TTL cache, a rate limiter and a slow report.
//!
//! This file is its beginning and its end: the servers start in order, HTTP is served until a signal comes, and the
//! servers stop in the reverse order.

mod args;
mod cache;
mod limiter;
mod report;
mod servers;
mod web;

use std::future::IntoFuture;
use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use otp::{CallError, StopError, process};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

use crate::args::Command;
use crate::cache::{CACHE, CacheClient};
use crate::servers::{Server, Settings};
use crate::web::App;

/// How long requests that are being answered may take once the service stops.
const DRAIN: Duration = Duration::from_secs(5);

#[otp::main]
async fn main() -> ExitCode {
    let port = std::env::var("PORT").ok();
    let (port, settings) = match args::parse(std::env::args().skip(1), port.as_deref()) {
        Ok(Command::Help) => {
            say(args::HELP.trim_end());
            return ExitCode::SUCCESS;
        }
        Ok(Command::Serve { port, settings }) => (port, settings),
        Err(mistake) => {
            complain(&format!("{mistake}\nmy-app --help says what there is"));
            return ExitCode::from(2);
        }
    };
    log_to_stderr();
    match serve(port, settings).await {
        Ok(code) => code,
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

async fn serve(port: u16, settings: Settings) -> Result<ExitCode, String> {
    // The one process that nobody started by name; without a label, /info could not tell what it is.
    let _ = process::set_label("main");
    let mut signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let listener = bind(port).await?;
    let url = listener.local_addr().map(|address| format!("http://{address}"));
    let url = url.map_err(|error| format!("cannot tell its own address: {error}"))?;
    start_servers(&settings).await?;

    let router = web::router(App { settings, url: url.clone() });
    let (stop_accepting, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async { drop(stopped.await) });
    // In the process of `main`; the connections' tasks are axum's own, and no processes.
    let mut serving = Box::pin(serving.into_future());
    say(&format!("{url}\n\nTry:\n{}\nctrl-c stops it.", web::commands(&url)));

    tokio::select! {
        ended = &mut serving => return Err(format!("stopped serving: {ended:?}")),
        () = signals.next() => {}
    }
    let stopping = async {
        say("stopping: no new connections");
        drop(stop_accepting);
        if tokio::time::timeout(DRAIN, serving).await.is_err() {
            say(&format!("stopping: some requests were not done after {DRAIN:?}, and are dropped"));
        }
        stop_servers().await
    };
    tokio::select! {
        code = stopping => Ok(code),
        () = signals.next() => {
            complain("a second signal: leaving at once");
            std::process::exit(130)
        }
    }
}

async fn bind(port: u16) -> Result<TcpListener, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} is taken: choose another with --port N, or any free one with --port 0")
        }
        _ => format!("cannot listen on port {port}: {error}"),
    })
}

async fn start_servers(settings: &Settings) -> Result<(), String> {
    for server in Server::ALL {
        server.start(settings).await.map_err(|error| format!("{server}: {error}"))?;
    }
    // The cache loads its seed after its start; this call waits behind that, or comes when all is over.
    CACHE.stats().await.map(drop).map_err(|error| match error {
        CallError::NoProc => "cache: it ended while it loaded its seed; the log above says why".to_owned(),
        error => format!("cache: {error}"),
    })
}

/// In the reverse order of their start. Whatever happens to one, the others are stopped too.
async fn stop_servers() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for server in Server::ALL.into_iter().rev() {
        match server.stop().await {
            Ok(()) => say(&format!("stopped {server}")),
            Err(StopError::NoProc) => say(&format!("stopped {server}: it was not running")),
            Err(error) => {
                complain(&format!("{server}: {error}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// ctrl-c and SIGTERM, from the moment this is made.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
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
