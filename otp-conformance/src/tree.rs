//! Supervisors, and the children that `spec` lines describe: see `scenarios/supervisor/README.md`.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use otp_core::behaviour::await_end;
use otp_core::process;
use otp_genserver::GenServer;
use otp_supervisor::{
    AutoShutdown, CallError, ChildInfo, ChildSpec, ChildStatus, ChildType, DeleteChildError, InitError,
    Restart, RestartChildError, ServerRef, Shutdown, StartChildError, StartError, StartedChild, Supervisor,
    SupervisorClient, SupervisorSpec, TerminateChildError,
};

use crate::reason;
use crate::server::{self, Server};
use crate::world::{Address, World};

/// The supervisor with these options.
pub(crate) fn supervisor(world: &World, name: &str, options: &[String]) -> SupervisorSpec {
    let (world, name, options) = (world.clone(), name.to_owned(), options.to_vec());
    Supervisor::init(move || {
        let me = process::current().and_then(|pid| ServerRef::<Supervisor>::of(pid).ok());
        let me = me.ok_or_else(|| InitError::stop("a supervisor that is no server"))?;
        world.bind(&name, me.pid(), Address::Supervisor(me));
        if value(&options, "init") == Some("ignore") {
            return Err(InitError::Ignore);
        }
        let mut spec = match value(&options, "strategy") {
            Some("one_for_all") => Supervisor::one_for_all(),
            Some("rest_for_one") => Supervisor::rest_for_one(),
            _ => Supervisor::one_for_one(),
        };
        let number = |key| value(&options, key).and_then(|word| word.parse().ok());
        let period = Duration::from_secs(number("period").unwrap_or(5));
        let restarts = number("intensity").and_then(|number| number.try_into().ok());
        spec = spec.intensity(restarts.unwrap_or(3), period).auto_shutdown(
            match value(&options, "auto_shutdown") {
                Some("any_significant") => AutoShutdown::AnySignificant,
                Some("all_significant") => AutoShutdown::AllSignificant,
                _ => AutoShutdown::Never,
            },
        );
        let ids = value(&options, "children").unwrap_or_default().split(',').filter(|id| !id.is_empty());
        let children: Option<Vec<ChildSpec>> = ids.map(|id| child(&world, id)).collect();
        Ok(spec.children(children.ok_or_else(|| InitError::stop("a child without a spec"))?))
    })
}

/// The child that the line `spec ID …` describes.
pub(crate) fn child(world: &World, id: &str) -> Option<ChildSpec> {
    let options = world.spec(id)?;
    let restart = match value(&options, "restart") {
        Some("transient") => Restart::Transient,
        Some("temporary") => Restart::Temporary,
        _ => Restart::Permanent,
    };
    let child_type = match value(&options, "type") {
        Some("supervisor") => ChildType::Supervisor,
        _ => ChildType::Worker,
    };
    let shutdown = match value(&options, "shutdown") {
        Some("brutal_kill") => Some(Shutdown::BrutalKill),
        Some("infinity") => Some(Shutdown::Infinity),
        Some(time) => Some(Shutdown::Timeout(server::millis(time))),
        None => None,
    };
    let significant = options.iter().any(|option| option == "significant");
    let (world, name) = (world.clone(), id.to_owned());
    let start = move || start_child(world.clone(), name.clone(), options.clone(), child_type);
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
fn start_child(world: World, id: String, options: Vec<String>, child_type: ChildType) -> Starting {
    let number = world.count_start(&id);
    let words: Vec<&str> = value(&options, "start").unwrap_or("ok").split(',').collect();
    let word = words.get(number).or(words.last()).copied().unwrap_or("ok");
    match child_type {
        ChildType::Supervisor => {
            let init = [format!("init={word}")];
            let options = if word == "ok" { &options[..] } else { &init };
            let start = supervisor(&world, &id, options).start_link();
            Box::pin(async move { settled(&world, &id, start.await.map(|started| started.pid())).await })
        }
        ChildType::Worker => {
            let own = |option: &&String| !option.contains('=') && *option != "significant";
            let options = match word {
                "ok" => options.iter().filter(own).cloned().collect(),
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
    started: Result<otp_core::Pid, StartError>,
) -> Result<StartedChild, StartError> {
    if let (Err(_), Some(pid)) = (&started, world.pid(id)) {
        let mut end = await_end(pid);
        poll_fn(|cx| end.poll_answer(cx)).await;
    }
    started.map(StartedChild::new)
}

/// The word of the option `key=…`.
fn value<'a>(options: &'a [String], key: &str) -> Option<&'a str> {
    options.iter().find_map(|option| option.strip_prefix(key)?.strip_prefix('='))
}

/// Does what a verb asks of a supervisor, and says what came of it.
pub(crate) async fn manage(
    world: &World,
    verb: &str,
    supervisor: &str,
    words: &[String],
) -> Result<String, String> {
    let Some(Address::Supervisor(supervised)) = world.address(supervisor) else {
        return Err(format!("no {supervisor}"));
    };
    let word = words.first().cloned().unwrap_or_default();
    let answer = match verb {
        "start_child" => {
            let spec = child(world, &word).ok_or_else(|| format!("no {word}"))?;
            show_started(world, supervised.start_child(spec).await)
        }
        "restart_child" => show_restarted(world, supervised.restart_child(word.clone()).await),
        "terminate_child" => match supervised.terminate_child(word.clone()).await {
            Ok(()) => "ok".to_owned(),
            Err(TerminateChildError::NotFound) => "error not_found".to_owned(),
            Err(TerminateChildError::Call(error)) => exit(&error),
            Err(other) => format!("error {other}"),
        },
        "delete_child" => match supervised.delete_child(word.clone()).await {
            Ok(()) => "ok".to_owned(),
            Err(DeleteChildError::NotFound) => "error not_found".to_owned(),
            Err(DeleteChildError::Running) => "error running".to_owned(),
            Err(DeleteChildError::Restarting) => "error restarting".to_owned(),
            Err(DeleteChildError::Call(error)) => exit(&error),
            Err(other) => format!("error {other}"),
        },
        "which_children" => {
            let answer = match supervised.which_children().await {
                // In the order of their start; the supervisor lists them backwards.
                Ok(children) => children.iter().rev().map(show_child).collect(),
                Err(error) => exit(&error),
            };
            return Ok(format!("children:{answer}"));
        }
        "count_children" => {
            let answer = match supervised.count_children().await {
                Ok(count) => format!(
                    "specs={} active={} supervisors={} workers={}",
                    count.specs, count.active, count.supervisors, count.workers
                ),
                Err(error) => exit(&error),
            };
            return Ok(format!("count: {answer}"));
        }
        "stop_supervisor" => {
            let stopped = supervised.stop().reason(reason::parse(&word)).await;
            return Ok(format!("stopped {supervisor}: {}", server::show_stopped(stopped)));
        }
        other => return Err(format!("nobody can {other} here")),
    };
    Ok(format!("{verb} {word}: {answer}"))
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
        Err(StartChildError::Ignored) => IGNORED.to_owned(),
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

fn show_child(child: &ChildInfo) -> String {
    let id = child.id.as_ref().map(ToString::to_string).unwrap_or_default();
    let status = match child.status {
        ChildStatus::Running(_) => "running",
        ChildStatus::Restarting => "restarting",
        ChildStatus::Stopped => "undefined",
    };
    let child_type = match child.child_type {
        ChildType::Worker => "worker",
        ChildType::Supervisor => "supervisor",
    };
    format!(" {id}:{status}:{child_type}")
}
