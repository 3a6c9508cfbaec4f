//! Scenarios of registries: a few processes register a few keys, change their minds, and die.

use crate::draw::Draw;

const KEYS: &[&str] = &["k", "l", "m"];
/// Those of servers alone: what a call to another process comes to is a recorded difference.
const SERVER_KEYS: &[&str] = &["v", "w"];
const VALUES: &[&str] = &["1", "2", "3"];
const REASONS: &[&str] = &["normal", "shutdown", "kill", "boom"];

struct Cast {
    /// Some of them may be dead by now, which is part of the game.
    processes: Vec<String>,
    /// Those that were started under a key.
    servers: Vec<String>,
    /// A unique one, a duplicate one, or both.
    registries: Vec<&'static str>,
    /// The only partition of a registry that has one, by the registry.
    partitions: Vec<(&'static str, String)>,
    /// How often one of them was killed.
    killed: usize,
    /// The number of things that have got a name.
    named: usize,
}

impl Cast {
    fn new_name(&mut self, kind: &str) -> String {
        self.named += 1;
        format!("{kind}{}", self.named)
    }
}

pub(super) fn steps(draw: &mut Draw) -> Vec<String> {
    let registries = [vec!["r"], vec!["d"], vec!["r", "d"]][draw.below(3)].clone();
    let mut cast = Cast {
        processes: Vec::new(),
        servers: Vec::new(),
        registries,
        partitions: Vec::new(),
        named: 0,
        killed: 0,
    };
    cast.processes.extend((0..draw.between(2, 5)).map(|index| format!("p{index}")));
    // `z` has the registries, and hears of all that is registered.
    let mut lines =
        vec![format!("start z {}", cast.processes.join(" ")), "z trap on; register n z".to_owned()];
    for registry in cast.registries.clone() {
        let kind = if registry == "d" { " duplicate" } else { "" };
        let partitions = draw.one(&["1", "1", "4"]);
        let listener = draw.one(&["", " listener=n"]);
        lines.push(format!("z registry_link {registry}{kind} partitions={partitions}{listener}"));
        lines.push(format!("z registry_partition {registry} {registry}p"));
        // Which of several partitions a key or a process belongs to is up to each language: none of them is killed.
        if partitions == "1" {
            cast.partitions.push((registry, format!("{registry}p")));
        }
    }
    for process in cast.processes.clone() {
        if draw.percent(30) {
            lines.push(format!("{process} trap on"));
        }
    }
    for _ in 0..draw.between(6, 25) {
        lines.extend(step(draw, &mut cast));
    }
    // What is left.
    let mut last = Vec::new();
    for registry in &cast.registries {
        last.push(format!("registry_count {registry}"));
        last.extend(KEYS.iter().chain(SERVER_KEYS).map(|key| format!("registry_lookup {registry} {key}")));
        let holders = cast.processes.iter().chain(&cast.servers);
        last.extend(holders.map(|process| format!("registry_keys {registry} {process}")));
    }
    last.extend(cast.processes.iter().map(|process| format!("info {process}")));
    lines.push(format!("z {}", last.join("; ")));
    lines
}

fn step(draw: &mut Draw, cast: &mut Cast) -> Vec<String> {
    let actor = draw.name(&cast.processes);
    let everyone: Vec<String> = cast.processes.iter().chain(&cast.servers).cloned().collect();
    let other = draw.name(&everyone);
    let registry = cast.registries[draw.below(cast.registries.len())];
    let key = draw.one(KEYS);
    let value = draw.one(VALUES);
    let action = match draw.below(100) {
        0..10 => format!("{}; {}", of_its_own(draw, registry), of_its_own(draw, registry)),
        10..52 => of_its_own(draw, registry),
        52..60 => format!("registry_lookup {registry} {key}"),
        60..64 => format!("registry_keys {registry} {other}"),
        64..68 => format!("registry_values {registry} {key} {other}"),
        68..70 => format!("registry_count {registry}"),
        70..76 => format!("registry_dispatch {registry} {key} hello"),
        76..82 => {
            let new = cast.new_name("q");
            cast.processes.push(new.clone());
            format!("spawn {new} {}", of_its_own(draw, registry))
        }
        82..86 => draw.one(&["exit normal", "exit boom", "crash", "return"]).to_owned(),
        86..90 => format!("signal {other} {}", draw.one(REASONS)),
        // In Elixir only a registration under a unique key sees at once that its holder is dead.
        90..95 if registry == "r" && actor != other => {
            let monitor = cast.new_name("m");
            format!(
                "monitor {monitor} {other}; signal {other} kill; await {monitor}; \
                 registry_register r {key} {value}"
            )
        }
        90..96 if registry == "r" => {
            let server = cast.new_name("s");
            cast.servers.push(server.clone());
            let mut lines = vec![format!("z server {server} via:r:{key}:{value}")];
            if draw.percent(70) {
                let key = draw.one(SERVER_KEYS);
                lines[0] = format!("z server {server} via:r:{key}");
                lines.push(format!("{actor} call via:r:{} count", draw.one(SERVER_KEYS)));
            }
            return lines;
        }
        // Not more often than its supervisor bears.
        96..98 if !cast.partitions.is_empty() && cast.killed < 3 => {
            let index = draw.below(cast.partitions.len());
            let (registry, dead) = cast.partitions[index].clone();
            let partition = cast.new_name("n");
            cast.killed += 1;
            cast.partitions[index].1.clone_from(&partition);
            return vec![
                format!("z signal {dead} kill"),
                format!("z registry_partition {registry} {partition}"),
            ];
        }
        _ => format!("registry_count {registry}"),
    };
    vec![format!("{actor} {action}")]
}

/// What a process does about its own entries.
fn of_its_own(draw: &mut Draw, registry: &str) -> String {
    let (key, value) = (draw.one(KEYS), draw.one(VALUES));
    match draw.below(10) {
        0..6 => format!("registry_register {registry} {key} {value}"),
        6 | 7 => format!("registry_unregister {registry} {key}"),
        8 => format!("registry_unregister_match {registry} {key} {value}"),
        _ if registry == "r" => format!("registry_update r {key} {value}"),
        _ => format!("registry_register {registry} {key} {value}"),
    }
}
