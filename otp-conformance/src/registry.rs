//! Registries, and what processes do with them: see `scenarios/registry/README.md`.

use otp_registry::{
    Duplicate, Event, NotRunning, RegisterError, Registry, Unique, UnregisterError, UpdateError,
};
use otp_supervisor::{ChildStatus, StartError, SupervisorClient};

use crate::actor::Order;
use crate::server::Server;
use crate::world::{Address, World};

/// A registry of either kind.
#[derive(Debug, Clone)]
pub(crate) enum AnyRegistry {
    Unique(Registry<String, String, Unique>),
    Duplicate(Registry<String, String, Duplicate>),
}

/// The same expression with a registry of either kind.
macro_rules! either {
    ($registry:expr, $inner:ident => $body:expr) => {
        match $registry {
            AnyRegistry::Unique($inner) => $body,
            AnyRegistry::Duplicate($inner) => $body,
        }
    };
}

const NOT_RUNNING: &str = "not_running";

/// Starts the registry with these options, linked to the current process. It is known by `name` from then on.
pub(crate) async fn start_link(world: &World, name: &str, options: &[String]) -> Result<(), StartError> {
    let value = |key: &str| options.iter().find_map(|option| option.strip_prefix(key)?.strip_prefix('='));
    let registered = world.registered(value("as").unwrap_or(name));
    let partitions = value("partitions").and_then(|word| word.parse().ok()).unwrap_or(1);
    let listeners = || {
        options.iter().filter_map(|word| word.strip_prefix("listener=")).map(|name| world.registered(name))
    };
    let registry = if options.iter().any(|option| option == "duplicate") {
        let registry = Registry::duplicate(registered).partitions(partitions);
        AnyRegistry::Duplicate(listeners().fold(registry, Registry::process_listener::<Order>))
    } else {
        let registry = Registry::unique(registered).partitions(partitions);
        AnyRegistry::Unique(listeners().fold(registry, Registry::process_listener::<Order>))
    };
    let supervisor = either!(&registry, registry => registry.start_link().await)?;
    world.bind(name, supervisor.pid(), Address::Supervisor(supervisor));
    world.add_registry(name, registry, partitions);
    Ok(())
}

/// The via name `R:K` or `R:K:VALUE`, and its value.
pub(crate) fn via(
    world: &World,
    word: &str,
) -> Result<(otp_registry::Via<Server, String, String>, String), String> {
    let mut parts = word.splitn(3, ':');
    let (name, key) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match world.registry(name) {
        Some((AnyRegistry::Unique(registry), _)) => {
            Ok((registry.via(key), parts.next().unwrap_or_default().to_owned()))
        }
        _ => Err(format!("no {name}")),
    }
}

/// Does what a verb asks of a registry in the name of the process `me`, and says what came of it, if that is to be noted.
pub(crate) async fn act(
    world: &World,
    me: &str,
    verb: &str,
    words: &[String],
) -> Result<Option<String>, String> {
    let name = words[0].as_str();
    if verb == "registry_partition" {
        return name_partitions(world, name, &words[1]).await.map(|()| None);
    }
    let (registry, partitions) = world.registry(name).ok_or_else(|| format!("no {name}"))?;
    let word = |index: usize| words[index].clone();
    let pid = |index: usize| world.pid(&words[index]).ok_or_else(|| format!("no {}", words[index]));
    let answer = match verb {
        "registry_register" => {
            let registered = either!(&registry, registry => registry.register(word(1), word(2)));
            match registered {
                Ok(partition) => format!("ok {}", world.show(partition)),
                Err(RegisterError::AlreadyRegistered(by)) => format!("already_registered {}", world.show(by)),
                Err(RegisterError::NotRunning) => NOT_RUNNING.to_owned(),
                Err(other) => other.to_string(),
            }
        }
        // Nobody can say who wins.
        "registry_try" => {
            let _ = either!(&registry, registry => registry.register(word(1), word(2)));
            return Ok(None);
        }
        "registry_unregister" => {
            show_unregistered(either!(&registry, registry => registry.unregister(word(1).as_str())))
        }
        "registry_unregister_match" => {
            let value = word(2);
            show_unregistered(either!(&registry, registry => {
                registry.unregister_matching(word(1).as_str(), |known| *known == value)
            }))
        }
        "registry_update" => match &registry {
            AnyRegistry::Unique(registry) => {
                match registry.update_value(word(1).as_str(), |old| format!("{old}+{}", words[2])) {
                    Ok((new, old)) => format!("{new} was {}", show_value(&old)),
                    Err(UpdateError::NotHeld) => "error".to_owned(),
                    Err(UpdateError::NotRunning) => NOT_RUNNING.to_owned(),
                    Err(other) => other.to_string(),
                }
            }
            // A recorded difference: Elixir's has the function, and raises.
            AnyRegistry::Duplicate(_) => return Err("a duplicate registry cannot update".to_owned()),
        },
        "registry_lookup" => show(match &registry {
            // A recorded difference: an option here, a list in Elixir.
            AnyRegistry::Unique(registry) => {
                registry.lookup(word(1).as_str()).map(|entry| show_entries(world, entry.as_slice()))
            }
            AnyRegistry::Duplicate(registry) => {
                registry.lookup(word(1).as_str()).map(|entries| show_entries(world, &entries))
            }
        }),
        "registry_keys" => {
            let keys = either!(&registry, registry => registry.keys(pid(1)?));
            show(keys.map(sorted))
        }
        "registry_values" => {
            let values = either!(&registry, registry => registry.values(word(1).as_str(), pid(2)?));
            show(
                values
                    .map(|values| sorted(values.iter().map(|value| show_value(value).to_owned()).collect())),
            )
        }
        "registry_count" => {
            show(either!(&registry, registry => registry.count()).map(|count| count.to_string()))
        }
        "registry_dispatch" => {
            let mut calls = Vec::new();
            let dispatched = either!(&registry, registry => registry.dispatch(word(1).as_str(), |entries| {
                for (pid, _) in entries {
                    if let Some(Address::Actor(actor)) = world.name_of(*pid).and_then(|name| world.address(&name)) {
                        actor.send(Order::Text { from: me.to_owned(), text: word(2) });
                    }
                }
                calls.push(entries.to_vec());
            }));
            show(dispatched.map(|()| show_calls(world, partitions, &calls)))
        }
        other => return Err(format!("cannot {other}")),
    };
    let verb = verb.trim_start_matches("registry_");
    Ok(Some(format!("{verb} {}: {answer}", words[..words.len().min(2)].join(" "))))
}

/// Gives the partitions that run now a name in the scenario: one for all of them, since which key belongs to which is up to
/// each language.
async fn name_partitions(world: &World, registry: &str, name: &str) -> Result<(), String> {
    let Some(Address::Supervisor(supervisor)) = world.address(registry) else {
        return Err(format!("no {registry}"));
    };
    for child in supervisor.which_children().await.map_err(|error| error.to_string())? {
        if let ChildStatus::Running(pid) = child.status {
            world.bind(name, pid, Address::Partition);
        }
    }
    Ok(())
}

/// What a listener notes, and whom it comes from. Servers register before they have a name in the scenario.
pub(crate) fn show_event(world: &World, event: &Event<String, String>) -> (String, String) {
    let who = |pid| {
        let name = world.name_of(pid);
        name.filter(|name| matches!(world.address(name), Some(Address::Actor(_))))
            .unwrap_or("server".to_owned())
    };
    match event {
        Event::Register { registry, key, pid, value } => {
            let text = format!(
                "{} register {key} of {}: {}",
                world.unregistered(registry),
                who(*pid),
                show_value(value)
            );
            (who(*pid), text)
        }
        Event::Unregister { registry, key, pid } => {
            (who(*pid), format!("{} unregister {key} of {}", world.unregistered(registry), who(*pid)))
        }
    }
}

fn show(result: Result<String, NotRunning>) -> String {
    result.unwrap_or_else(|NotRunning| NOT_RUNNING.to_owned())
}

fn show_unregistered(result: Result<(), UnregisterError>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(UnregisterError::NotRunning) => NOT_RUNNING.to_owned(),
        Err(other) => other.to_string(),
    }
}

/// In an order of their own: Elixir promises none.
fn show_entries(world: &World, entries: &[(otp_core::Pid, String)]) -> String {
    sorted(entries.iter().map(|(pid, value)| format!("{}={}", world.show(*pid), show_value(value))).collect())
}

/// With several partitions, which entries are in the same call is up to each language.
fn show_calls(world: &World, partitions: usize, calls: &[Vec<(otp_core::Pid, String)>]) -> String {
    if partitions > 1 || calls.is_empty() {
        return show_entries(world, &calls.concat());
    }
    let calls: Vec<String> = calls.iter().map(|call| show_entries(world, call)).collect();
    calls.join(" | ")
}

fn sorted(mut words: Vec<String>) -> String {
    words.sort();
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}

/// A server that is started without a value has `nil` in Elixir, and the default value here.
fn show_value(value: &str) -> &str {
    if value.is_empty() { "nil" } else { value }
}
