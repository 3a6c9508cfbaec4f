//! Supervisors, and the children that `spec` lines describe: see `scenarios/supervisor/README.md`.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use otp_core::behaviour::await_end;
use otp_core::{Pid, process};
use otp_genserver::GenServer;
use otp_supervisor::{
    AutoShutdown, CallError, ChildCounts, ChildInfo, ChildSpec, ChildStatus, ChildType, DeleteChildError,
    DynamicSupervisor, DynamicSupervisorClient, DynamicSupervisorSpec, InitError, Restart, RestartChildError,
    ServerRef, Shutdown, StartChildError, StartError, StartedChild, Supervisor, SupervisorClient,
    SupervisorSpec, TerminateChildError,
};

use crate::reason;
use crate::server::{self, Server};
use crate::world::{Address, World};

/// The supervisor with these options.
pub(crate) fn supervisor(world: &World, name: &str, options: &[String]) -> SupervisorSpec {
    let (world, name, options) = (world.clone(), name.to_owned(), options.to_vec());
    Supervisor::init(move || {
        begin(&world, &name, &options, Address::Supervisor)?;
        let spec = match value(&options, "strategy") {
            Some("one_for_all") => Supervisor::one_for_all(),
            Some("rest_for_one") => Supervisor::rest_for_one(),
            _ => Supervisor::one_for_one(),
        };
        let (restarts, period) = intensity(&options);
        let spec = spec.intensity(restarts, period).auto_shutdown(match value(&options, "auto_shutdown") {
            Some("any_significant") => AutoShutdown::AnySignificant,
            Some("all_significant") => AutoShutdown::AllSignificant,
            _ => AutoShutdown::Never,
        });
        let ids = value(&options, "children").unwrap_or_default().split(',').filter(|id| !id.is_empty());
        let children: Option<Vec<ChildSpec>> = ids.map(|id| child(&world, id, true)).collect();
        Ok(spec.children(children.ok_or_else(|| InitError::stop("a child without a spec"))?))
    })
}

/// The dynamic supervisor with these options.
pub(crate) fn dynamic_supervisor(world: &World, name: &str, options: &[String]) -> DynamicSupervisorSpec {
    let (world, name, options) = (world.clone(), name.to_owned(), options.to_vec());
    DynamicSupervisor::init(move || {
        begin(&world, &name, &options, Address::DynamicSupervisor)?;
        let (restarts, period) = intensity(&options);
        let spec = DynamicSupervisor::new().intensity(restarts, period);
        Ok(match value(&options, "max_children").and_then(|max| max.parse().ok()) {
            Some(max) => spec.max_children(max),
            None => spec,
        })
    })
}

/// The first thing that a supervisor does.
fn begin<S: GenServer>(
    world: &World,
    name: &str,
    options: &[String],
    address: fn(ServerRef<S>) -> Address,
) -> Result<(), InitError> {
    let me = process::current().and_then(|pid| ServerRef::of(pid).ok());
    let me = me.ok_or_else(|| InitError::stop("a supervisor that is no server"))?;
    world.bind(name, me.pid(), address(me));
    if value(options, "init") == Some("ignore") { Err(InitError::Ignore) } else { Ok(()) }
}

pub(crate) fn intensity(options: &[String]) -> (u32, Duration) {
    let number = |key| value(options, key).and_then(|word| word.parse().ok());
    (number("intensity").unwrap_or(3), Duration::from_secs(number("period").unwrap_or(5).into()))
}

/// The child that the line `spec ID …` describes. Those that stop at the same time, as a dynamic supervisor's do, are not
/// `ordered`.
pub(crate) fn child(world: &World, id: &str, ordered: bool) -> Option<ChildSpec> {
    let options = world.spec(id)?;
    let restart = match value(&options, "restart") {
        Some("transient") => Restart::Transient,
        Some("temporary") => Restart::Temporary,
        _ => Restart::Permanent,
    };
    let child_type = match value(&options, "type") {
        Some(_) => ChildType::Supervisor,
        None => ChildType::Worker,
    };
    let shutdown = match value(&options, "shutdown") {
        Some("brutal_kill") => Some(Shutdown::BrutalKill),
        Some("infinity") => Some(Shutdown::Infinity),
        Some(time) => Some(Shutdown::Timeout(server::millis(time))),
        None => None,
    };
    let significant = options.iter().any(|option| option == "significant");
    let (world, name) = (world.clone(), id.to_owned());
    let start = move || start_child(world.clone(), name.clone(), &options, ordered);
    let spec = ChildSpec::new(id.to_owned(), start).restart(restart).child_type(child_type);
    let spec = spec.significant(significant);
    Some(match shutdown {
        Some(shutdown) => spec.shutdown(shutdown),
        None => spec,
    })
}

type Starting = Pin<Box<dyn Future<Output = Result<StartedChild, StartError>> + Send>>;

/// The nth start does what the nth word of `start=` says, and the last word goes on for ever. Boxed, since a supervisor
/// starts supervisors.
fn start_child(world: World, id: String, options: &[String], ordered: bool) -> Starting {
    let number = world.count_start(&id, ordered);
    let words: Vec<&str> = value(options, "start").unwrap_or("ok").split(',').collect();
    let word = words.get(number).or(words.last()).copied().unwrap_or("ok");
    let init = [format!("init={word}")];
    let of_supervisor = if word == "ok" { options } else { &init };
    match value(options, "type") {
        Some("dynamic_supervisor") => {
            let start = dynamic_supervisor(&world, &id, of_supervisor).start_link();
            Box::pin(async move { settled(&world, &id, start.await.map(|started| started.pid())).await })
        }
        Some(_) => {
            let start = supervisor(&world, &id, of_supervisor).start_link();
            Box::pin(async move { settled(&world, &id, start.await.map(|started| started.pid())).await })
        }
        None => {
            let options = match word {
                "ok" => server_options(options),
                other => vec![other.to_owned()],
            };
            let arguments = server::Arguments { world: world.clone(), name: id.clone(), options };
            let start = Server::start_link(arguments);
            Box::pin(async move { settled(&world, &id, start.await.map(|started| started.pid())).await })
        }
    }
}

/// Waits for the end of a child that did not start: else it is a matter of luck whether it ends with its own reason or
/// with its supervisor's.
async fn settled(
    world: &World,
    id: &str,
    started: Result<Pid, StartError>,
) -> Result<StartedChild, StartError> {
    if let (Err(_), Some(pid)) = (&started, world.pid(id)) {
        let mut end = await_end(pid);
        poll_fn(|cx| end.poll_answer(cx)).await;
    }
    started.map(StartedChild::new)
}

/// What a child's options say to its server.
pub(crate) fn server_options(options: &[String]) -> Vec<String> {
    let own = |option: &&String| !option.contains('=') && *option != "significant";
    options.iter().filter(own).cloned().collect()
}

/// The word of the option `key=…`.
pub(crate) fn value<'a>(options: &'a [String], key: &str) -> Option<&'a str> {
    options.iter().find_map(|option| option.strip_prefix(key)?.strip_prefix('='))
}

/// Does what a verb asks of a supervisor, and says what came of it.
pub(crate) async fn manage(
    world: &World,
    verb: &str,
    supervisor: &str,
    words: &[String],
) -> Result<String, String> {
    let word = words.first().cloned().unwrap_or_default();
    let answer = match world.address(supervisor) {
        Some(Address::Supervisor(supervisor)) => ask(world, verb, &supervisor, &word).await?,
        Some(Address::DynamicSupervisor(supervisor)) => ask_dynamic(world, verb, &supervisor, &word).await?,
        _ => return Err(format!("no {supervisor}")),
    };
    Ok(match verb {
        "which_children" => format!("children:{answer}"),
        "count_children" => format!("count: {answer}"),
        "stop_supervisor" => format!("stopped {supervisor}: {answer}"),
        _ => format!("{verb} {word}: {answer}"),
    })
}

async fn ask(
    world: &World,
    verb: &str,
    supervisor: &ServerRef<Supervisor>,
    word: &str,
) -> Result<String, String> {
    let id = word.to_owned();
    Ok(match verb {
        "start_child" => {
            let spec = child(world, word, true).ok_or_else(|| format!("no {word}"))?;
            match supervisor.start_child(spec).await {
                Err(StartChildError::Ignored) => IGNORED.to_owned(),
                started => show_started(world, started),
            }
        }
        "restart_child" => show_restarted(world, supervisor.restart_child(id).await),
        "terminate_child" => show_terminated(supervisor.terminate_child(id).await),
        "delete_child" => match supervisor.delete_child(id).await {
            Ok(()) => "ok".to_owned(),
            Err(DeleteChildError::NotFound) => "error not_found".to_owned(),
            Err(DeleteChildError::Running) => "error running".to_owned(),
            Err(DeleteChildError::Restarting) => "error restarting".to_owned(),
            Err(DeleteChildError::Call(error)) => exit(&error),
            Err(other) => format!("error {other}"),
        },
        "which_children" => match supervisor.which_children().await {
            // In the order of their start; the supervisor lists them backwards.
            Ok(children) => children.iter().rev().map(|child| show_child(world, child)).collect(),
            Err(error) => exit(&error),
        },
        "count_children" => show_counts(supervisor.count_children().await),
        "stop_supervisor" => server::show_stopped(supervisor.stop().reason(reason::parse(word)).await),
        other => return Err(format!("nobody can {other} here")),
    })
}

async fn ask_dynamic(
    world: &World,
    verb: &str,
    supervisor: &ServerRef<DynamicSupervisor>,
    word: &str,
) -> Result<String, String> {
    Ok(match verb {
        "start_child" => {
            let spec = child(world, word, false).ok_or_else(|| format!("no {word}"))?;
            show_started(world, supervisor.start_child(spec).await)
        }
        "terminate_child" => {
            let pid = world.pid(word).ok_or_else(|| format!("no {word}"))?;
            show_terminated(supervisor.terminate_child(pid).await)
        }
        "which_children" => match supervisor.which_children().await {
            Ok(children) => {
                // In no order.
                let mut children: Vec<_> = children.iter().map(|child| show_child(world, child)).collect();
                children.sort();
                children.concat()
            }
            Err(error) => exit(&error),
        },
        "count_children" => show_counts(supervisor.count_children().await),
        "stop_supervisor" => server::show_stopped(supervisor.stop().reason(reason::parse(word)).await),
        other => return Err(format!("a dynamic supervisor cannot {other}")),
    })
}

/// A recorded difference: OTP exits the caller with these, here they are returned.
fn exit(error: &CallError) -> String {
    format!("exit {}", server::show_error(error))
}

// A recorded difference: a child whose start ignores is a success without a pid in OTP.
const IGNORED: &str = "ok undefined";

fn show_started(world: &World, result: Result<StartedChild, StartChildError>) -> String {
    match result {
        Ok(child) => format!("ok {}", world.show(child.pid())),
        Err(StartChildError::Ignored) => "ignore".to_owned(),
        Err(StartChildError::MaxChildren) => "error max_children".to_owned(),
        Err(StartChildError::AlreadyStarted(pid)) => format!("error already_started {}", world.show(pid)),
        Err(StartChildError::AlreadyPresent) => "error already_present".to_owned(),
        Err(StartChildError::Failed(error)) => format!("error {}", reason::show_start_error(&error)),
        Err(StartChildError::InvalidSpec(_)) => format!("error {}", reason::BAD_SPEC),
        Err(StartChildError::Call(error)) => exit(&error),
        Err(other) => format!("error {other}"),
    }
}

fn show_restarted(world: &World, result: Result<StartedChild, RestartChildError>) -> String {
    match result {
        Ok(child) => format!("ok {}", world.show(child.pid())),
        Err(RestartChildError::Ignored) => IGNORED.to_owned(),
        Err(RestartChildError::NotFound) => "error not_found".to_owned(),
        Err(RestartChildError::Running) => "error running".to_owned(),
        Err(RestartChildError::Restarting) => "error restarting".to_owned(),
        Err(RestartChildError::Failed(error)) => format!("error {}", reason::show_start_error(&error)),
        Err(RestartChildError::Call(error)) => exit(&error),
        Err(other) => format!("error {other}"),
    }
}

fn show_terminated(result: Result<(), TerminateChildError>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(TerminateChildError::NotFound) => "error not_found".to_owned(),
        Err(TerminateChildError::Call(error)) => exit(&error),
        Err(other) => format!("error {other}"),
    }
}

fn show_counts(result: Result<ChildCounts, CallError>) -> String {
    match result {
        Ok(ChildCounts { specs, active, supervisors, workers, .. }) => {
            format!("specs={specs} active={active} supervisors={supervisors} workers={workers}")
        }
        Err(error) => exit(&error),
    }
}

/// By its id, or by its name in the scenario under a dynamic supervisor.
fn show_child(world: &World, child: &ChildInfo) -> String {
    let child_type = match child.child_type {
        ChildType::Worker => "worker",
        ChildType::Supervisor => "supervisor",
    };
    let status = match child.status {
        ChildStatus::Running(_) => "running",
        ChildStatus::Restarting => "restarting",
        ChildStatus::Stopped => "undefined",
    };
    match (&child.id, child.status) {
        (Some(id), _) => format!(" {id}:{status}:{child_type}"),
        (None, ChildStatus::Running(pid)) => format!(" {}:{status}:{child_type}", world.show(pid)),
        (None, _) => format!(" {status}:{child_type}"),
    }
}
