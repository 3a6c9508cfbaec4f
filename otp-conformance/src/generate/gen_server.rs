//! Scenarios of servers: started in every way by processes that trap exits or do not, asked, told and ended.

use crate::draw::Draw;

const REASONS: &[&str] = &["normal", "shutdown", "shutdown:late", "killed", "boom", "noproc"];
/// Above all that a step takes, below all that a scenario waits.
const SOON: usize = 60;

#[derive(Default)]
struct Cast {
    actors: Vec<String>,
    servers: Vec<String>,
    monitors: usize,
    waiters: usize,
}

pub(super) fn steps(draw: &mut Draw) -> Vec<String> {
    let mut cast = Cast::default();
    for index in 0..draw.between(2, 4) {
        cast.actors.push(format!("p{index}"));
    }
    let mut lines = vec![format!("start {}", cast.actors.join(" "))];
    for actor in cast.actors.clone() {
        if draw.percent(50) {
            lines.push(format!("{actor} trap on"));
        }
    }
    let actor = draw.name(&cast.actors);
    lines.push(format!("{actor} {}", start(draw, &mut cast)));
    for _ in 0..draw.between(4, 12) {
        lines.extend(step(draw, &mut cast));
    }
    let last: Vec<String> = cast.actors.iter().chain(&cast.servers).map(|p| format!("info {p}")).collect();
    lines.push(format!("start z\nz {}", last.join("; ")));
    lines
}

fn step(draw: &mut Draw, cast: &mut Cast) -> Vec<String> {
    let actor = draw.name(&cast.actors);
    let server = draw.name(&cast.servers);
    let action = match draw.below(100) {
        0..12 => start(draw, cast),
        12..45 => return call(draw, cast, &actor, &server),
        45..58 => format!("cast {} {}", destination(draw, &server), told(draw)),
        58..68 => format!("tell {} {}", destination(draw, &server), told(draw)),
        68..74 => {
            let reason = draw.one(REASONS);
            return from_waiter(cast, &format!("stop {} reason:{reason}", destination(draw, &server)));
        }
        74..76 => return idle(draw, &actor, &server),
        76..86 => format!("signal {server} {}", draw.one(&["normal", "shutdown", "boom", "kill", "killed"])),
        86..90 => format!("exit {}", draw.one(REASONS)),
        90..93 => format!("link {server}"),
        93..96 => {
            cast.monitors += 1;
            format!("monitor m{} {server}", cast.monitors)
        }
        96..98 => format!("unlink {server}"),
        _ => format!("trap {}", draw.one(&["on", "off"])),
    };
    vec![format!("{actor} {action}")]
}

/// Mostly by its process; the names are `s` and `t`.
fn destination(draw: &mut Draw, server: &str) -> String {
    if draw.percent(15) { format!("name:{}", draw.one(&["s", "t"])) } else { server.to_owned() }
}

fn start(draw: &mut Draw, cast: &mut Cast) -> String {
    let new = format!("s{}", cast.servers.len());
    cast.servers.push(new.clone());
    let mut text = match draw.below(5) {
        0 => format!("server {new}"),
        1 => {
            cast.monitors += 1;
            format!("server_monitor {new} m{}", cast.monitors)
        }
        _ => format!("server_link {new}"),
    };
    if draw.percent(30) {
        text += &format!(" name:{}", draw.one(&["s", "t"]));
    }
    if draw.percent(50) {
        text += " trap";
    }
    if draw.percent(10) {
        text += &format!(" terminate:{}", ending(draw));
    }
    if draw.percent(20) {
        text += &format!(" on_timeout:{}", ending_or_not(draw));
    }
    match draw.below(20) {
        0 => text + " ignore",
        1 | 2 => text + &format!(" stop:{}", draw.one(REASONS)),
        3 => text + " crash",
        4 => text + &format!(" exit:{}", draw.one(REASONS)),
        // Whether a starter hears of its server before a link with it breaks is a matter of luck.
        5..8 if !text.starts_with("server_link") => text + &format!(" continue={}", ending_or_not(draw)),
        8 => text + &format!(" tell_self=add:1 continue=add:{}", draw.below(9)),
        _ => text,
    }
}

fn ending(draw: &mut Draw) -> String {
    match draw.below(4) {
        0 => "crash".to_owned(),
        1 => format!("stop:{}", draw.one(REASONS)),
        _ => format!("exit:{}", draw.one(REASONS)),
    }
}

fn ending_or_not(draw: &mut Draw) -> String {
    match draw.below(5) {
        0 | 1 => ending(draw),
        2 => "continue=add:1".to_owned(),
        _ => format!("add:{}", draw.below(9)),
    }
}

/// What a cast or an info says. An `add` never comes with what fails: the state that `terminate` then gets is a recorded
/// difference.
fn told(draw: &mut Draw) -> String {
    match draw.below(10) {
        0 => ending(draw),
        1 => format!("add:1 stop:{}", draw.one(REASONS)),
        2 => "answer:late".to_owned(),
        3 => format!("continue={}", ending_or_not(draw)),
        4 => format!("signal_self:{}", draw.one(&["normal", "shutdown", "boom", "kill", "killed"])),
        5 => "trap".to_owned(),
        6 => draw.one(&["call_self", "stop_self"]).to_owned(),
        _ => format!("add:{}", draw.below(9)),
    }
}

fn call(draw: &mut Draw, cast: &mut Cast, actor: &str, server: &str) -> Vec<String> {
    let to = destination(draw, server);
    let directives = match draw.below(12) {
        0..3 => "reply:yes".to_owned(),
        3 | 4 => format!("add:{} count", draw.below(9)),
        5 => "reply:yes answer:late".to_owned(),
        6 => {
            let call = format!("{actor} call {to} within:{SOON} later");
            return vec![call, format!("wait {}", SOON * 3)];
        }
        7 => return from_waiter(cast, &format!("call {to} {}", ending(draw))),
        8 => {
            return from_waiter(cast, &format!("call {to} reply:yes stop:{}", draw.one(REASONS)));
        }
        9 => return from_waiter(cast, &format!("call {to} reply_now:yes {}", ending(draw))),
        10 => return from_waiter(cast, &format!("call {to} reply:yes continue={}", ending_or_not(draw))),
        _ => return from_waiter(cast, &format!("call {to} later")),
    };
    vec![format!("{actor} call {to} {directives}")]
}

/// A process of its own does it: it may wait for ever, and it has no link that could break before it hears the answer.
fn from_waiter(cast: &mut Cast, action: &str) -> Vec<String> {
    cast.waiters += 1;
    let waiter = format!("w{}", cast.waiters);
    vec![format!("start {waiter}"), format!("{waiter} {action}")]
}

/// A callback timeout, which a message right behind it takes back or not.
fn idle(draw: &mut Draw, actor: &str, server: &str) -> Vec<String> {
    let behind =
        draw.one(&["", "; cast {} add:1", "; tell {} add:1", "; cast {} idle:30"]).replace("{}", server);
    vec![format!("{actor} cast {server} idle:{SOON}{behind}"), format!("wait {}", SOON * 3)]
}
