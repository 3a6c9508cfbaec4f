//! Scenarios of processes: links, monitors, signals, names and aliases among a few of them, in any order.

use crate::draw::Draw;

const REASONS: &[&str] = &["normal", "shutdown", "shutdown:late", "kill", "killed", "boom", "noproc"];
const NAMES: &[&str] = &["n", "o"];

/// What exists so far. Some of it may be dead by now, which is part of the game.
#[derive(Default)]
struct Cast {
    processes: Vec<String>,
    /// Each with its owner.
    monitors: Vec<(String, String)>,
    aliases: Vec<(String, String)>,
    /// Who monitors which name.
    named: Vec<(String, &'static str)>,
}

pub(super) fn steps(draw: &mut Draw) -> Vec<String> {
    let mut cast = Cast::default();
    for index in 0..draw.between(3, 6) {
        cast.processes.push(format!("p{index}"));
    }
    let mut lines = vec![format!("start {}", cast.processes.join(" "))];
    // Without some who survive, most scenarios are over after two deaths.
    for process in cast.processes.clone() {
        if draw.percent(40) {
            lines.push(format!("{process} trap on"));
        }
    }
    for _ in 0..draw.between(5, 25) {
        let actor = draw.name(&cast.processes);
        let actions = actions(draw, &mut cast, &actor);
        lines.push(format!("{actor} {actions}"));
    }
    // What is left of links, monitors and names.
    let last = cast.processes.clone();
    lines.push(format!(
        "start z\nz {}",
        last.iter().map(|p| format!("info {p}")).collect::<Vec<_>>().join("; ")
    ));
    lines
}

/// One action, or several to the same process: what goes from one process to another keeps its order.
fn actions(draw: &mut Draw, cast: &mut Cast, actor: &str) -> String {
    let other = draw.name(&cast.processes);
    match draw.below(100) {
        0..18 => format!("link {other}"),
        18..23 => format!("unlink {other}"),
        23..35 => monitor(draw, cast, actor, &other),
        35..43 => demonitor(draw, cast, actor),
        43..57 => format!("signal {other} {}", draw.one(REASONS)),
        57..63 => end(draw),
        63..67 => format!("trap {}", draw.one(&["on", "off"])),
        67..73 => sends(draw, &other),
        73..79 => spawn(draw, cast, actor),
        79..88 => name(draw, &other),
        88..94 => alias(draw, cast, actor),
        94..97 => draw.one(&["hold", "release", "release"]).to_owned(),
        _ => format!("info {other}"),
    }
}

fn end(draw: &mut Draw) -> String {
    match draw.below(4) {
        0 => "crash".to_owned(),
        1 => "return".to_owned(),
        _ => format!("exit {}", draw.one(REASONS)),
    }
}

/// Messages, and maybe the end: the receiver gets them in this order.
fn sends(draw: &mut Draw, other: &str) -> String {
    let mut actions: Vec<String> =
        (0..draw.between(1, 3)).map(|number| format!("send {other} t{number}")).collect();
    // One that breaks a link might come before the receiver has looked at its messages, or not.
    if draw.percent(30) {
        actions.push(draw.one(&["return", "exit normal"]).to_owned());
    }
    actions.join("; ")
}

fn monitor(draw: &mut Draw, cast: &mut Cast, actor: &str, other: &str) -> String {
    let new = format!("m{}", cast.monitors.len());
    cast.monitors.push((new.clone(), actor.to_owned()));
    match draw.below(10) {
        0..6 => format!("monitor {new} {other}"),
        6..8 => {
            let name = draw.one(NAMES);
            // Twice the same, and the BEAM's list of monitors does not say which process each one found.
            if cast.named.iter().any(|(owner, known)| owner == actor && *known == name) {
                return format!("monitor {new} {other}");
            }
            cast.named.push((actor.to_owned(), name));
            format!("monitor_name {new} {name}")
        }
        8 => format!("monitor_tag {new} {other} tag{}", draw.below(10)),
        _ => {
            let alias = format!("a{}", cast.aliases.len());
            cast.aliases.push((alias.clone(), actor.to_owned()));
            let mode = draw.one(&["explicit", "demonitor", "reply_demonitor"]);
            format!("monitor_alias {new} {alias} {other} {mode}")
        }
    }
}

fn demonitor(draw: &mut Draw, cast: &Cast, actor: &str) -> String {
    let mut own: Vec<String> =
        cast.monitors.iter().filter(|(_, owner)| owner == actor).map(|(name, _)| name.clone()).collect();
    // Sometimes one that is somebody else's.
    if own.is_empty() || draw.percent(10) {
        own = cast.monitors.iter().map(|(name, _)| name.clone()).collect();
    }
    if own.is_empty() {
        return format!("alive {actor}");
    }
    let verb = draw.one(&["demonitor", "demonitor_flush"]);
    format!("{verb} {}", draw.name(&own))
}

fn spawn(draw: &mut Draw, cast: &mut Cast, actor: &str) -> String {
    let new = format!("p{}", cast.processes.len());
    cast.processes.push(new.clone());
    let first = if draw.percent(30) { format!(" {}", end(draw)) } else { String::new() };
    match draw.below(3) {
        0 => format!("spawn {new}{first}"),
        1 => format!("spawn_link {new}{first}"),
        _ => {
            let monitor = format!("m{}", cast.monitors.len());
            cast.monitors.push((monitor.clone(), actor.to_owned()));
            format!("spawn_monitor {new} {monitor}{first}")
        }
    }
}

fn name(draw: &mut Draw, other: &str) -> String {
    let name = draw.one(NAMES);
    match draw.below(8) {
        0..4 => format!("register {name} {other}"),
        4 => format!("unregister {name}"),
        5 => format!("whereis {name}"),
        _ => format!("send_name {name} by_name"),
    }
}

fn alias(draw: &mut Draw, cast: &mut Cast, actor: &str) -> String {
    if cast.aliases.is_empty() || draw.percent(30) {
        let new = format!("a{}", cast.aliases.len());
        cast.aliases.push((new.clone(), actor.to_owned()));
        return format!("alias {new} {}", draw.one(&["explicit", "reply"]));
    }
    let (alias, owner) = cast.aliases[draw.below(cast.aliases.len())].clone();
    // `unalias` of another's alias does nothing and says nothing new, but once in a while it should.
    if owner == actor || draw.percent(20) {
        format!("unalias {alias}")
    } else {
        format!("send_alias {alias} by_alias")
    }
}
