//! The command line of `cargo xtask bench`.

use std::fmt::Write;

use super::catalogue::{Kind, PEERS, PeerName, WORKLOADS};

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    /// In the catalogue's order, as are the peers.
    pub(super) workloads: Vec<&'static str>,
    pub(super) peers: Vec<&'static str>,
    pub(super) threads: Vec<u64>,
    pub(super) rounds: u64,
    /// Operations; each workload's own number if none is given.
    pub(super) n: Option<u64>,
    /// Where the lines of JSON go.
    pub(super) json: Option<String>,
    pub(super) help: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workloads: WORKLOADS.iter().map(|workload| workload.name).collect(),
            peers: peers(|peer| peer.kind != Kind::Variant),
            threads: vec![1, 2],
            rounds: 5,
            n: None,
            json: None,
            help: false,
        }
    }
}

impl Options {
    /// Everything once, with few operations.
    pub(super) fn smoke() -> Self {
        Self { peers: peers(|_| true), rounds: 1, n: Some(200), ..Self::default() }
    }

    pub(super) fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut workloads = Vec::new();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || {
                let value = args.next().filter(|value| !value.starts_with('-'));
                value.map(String::as_str).ok_or_else(|| format!("`{arg}` needs a value\n\n{}", usage()))
            };
            match arg.as_str() {
                "--threads" => {
                    options.threads =
                        value()?.split(',').map(|word| number(arg, word)).collect::<Result<_, _>>()?;
                }
                "--rounds" => options.rounds = number(arg, value()?)?,
                "--n" => options.n = Some(number(arg, value()?)?),
                "--peers" => options.peers = parse_peers(value()?)?,
                "--json" => options.json = Some(value()?.to_owned()),
                "--help" | "-h" => options.help = true,
                option if option.starts_with('-') => {
                    return Err(format!("there is no option `{option}`\n\n{}", usage()));
                }
                name if WORKLOADS.iter().any(|workload| workload.name == name) => workloads.push(name),
                group if !members(group).is_empty() => workloads.extend(members(group)),
                name => {
                    return Err(format!(
                        "there is no workload `{name}`; the workloads are\n\n{}",
                        list_workloads()
                    ));
                }
            }
        }
        if !workloads.is_empty() {
            options.workloads.retain(|name| workloads.contains(name));
        }
        Ok(options)
    }
}

fn peers(which: impl Fn(&PeerName) -> bool) -> Vec<&'static str> {
    PEERS.iter().filter(|peer| which(peer)).map(|peer| peer.name).collect()
}

/// The workloads `NAME_…`.
fn members(group: &str) -> Vec<&'static str> {
    let names = WORKLOADS.iter().map(|workload| workload.name);
    names.filter(|name| name.strip_prefix(group).is_some_and(|rest| rest.starts_with('_'))).collect()
}

fn parse_peers(names: &str) -> Result<Vec<&'static str>, String> {
    if names == "all" {
        return Ok(peers(|_| true));
    }
    let names: Vec<&str> = names.split(',').collect();
    match names.iter().find(|name| !PEERS.iter().any(|peer| peer.name == **name)) {
        Some(unknown) => Err(format!("there is no peer `{unknown}`; the peers are\n\n{}", list_peers())),
        None => Ok(peers(|peer| names.contains(&peer.name))),
    }
}

fn number(option: &str, word: &str) -> Result<u64, String> {
    let number = word.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| format!("`{option}` needs a number above 0, and got `{word}`"))
}

pub(super) fn usage() -> String {
    format!(
        "\
Usage: cargo xtask bench [WORKLOAD…] [OPTION…]

Measures the named workloads (`ets` for all that begin with `ets_`), or all of them, here and on the peers, and prints the medians.

  --threads 1,2  how many threads to run on (1,2)
  --rounds N     how often each measurement is repeated (5)
  --peers A,B    whom to measure: names, or `all` with the variants (all but the variants)
  --n N          how many operations (each workload has its own number)
  --json FILE    write each measurement to this file as a line of JSON

Workloads, and what one operation is:
{}
Peers:
{}
otp-bench/README.md says what each peer does, and how to read the table.
",
        list_workloads(),
        list_peers()
    )
}

fn list_workloads() -> String {
    let mut text = String::new();
    for workload in WORKLOADS {
        let _ = writeln!(text, "  {:<16} {} (--n {})", workload.name, workload.about, workload.n);
    }
    text
}

fn list_peers() -> String {
    let mut text = String::new();
    for PeerName { name, about, kind } in PEERS {
        let _ = writeln!(
            text,
            "  {name:<16} {about}{}",
            if *kind == Kind::Variant { " (a variant)" } else { "" }
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn without_a_name_all_is_measured_but_the_variants() {
        let options = parse("").expect("valid");
        assert_eq!(options, Options::default());
        assert_eq!(options.workloads.len(), WORKLOADS.len());
        assert!(options.peers.contains(&"raw") && !options.peers.contains(&"otp-task"));
    }

    #[test]
    fn what_is_named_stands_in_the_order_of_the_catalogue() {
        let options =
            parse("ring --threads 2,4 call --peers beam,otp,otp-task --rounds 3 --n 9 --json f ring")
                .expect("valid");
        let expected = Options {
            workloads: vec!["call", "ring"],
            peers: vec!["otp", "beam", "otp-task"],
            threads: vec![2, 4],
            rounds: 3,
            n: Some(9),
            json: Some("f".to_owned()),
            help: false,
        };
        assert_eq!(options, expected);
        assert_eq!(parse("--peers all").expect("valid").peers.len(), PEERS.len());
    }

    #[test]
    fn a_group_stands_for_its_workloads() {
        let options = parse("ets").expect("valid");
        assert!(options.workloads.contains(&"ets_100") && options.workloads.contains(&"ets_range"));
        assert!(options.workloads.iter().all(|name| name.starts_with("ets_")));
        assert_eq!(parse("restart").expect("valid").workloads, ["restart"]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let message = parse("cal").expect_err("unknown");
        assert!(message.contains("`cal`") && message.contains("  spawn_only "), "{message}");
        let message = parse("--peers otp,akka").expect_err("unknown");
        assert!(message.contains("`akka`") && message.contains("  ractor "), "{message}");
    }

    #[test]
    fn a_bad_value_is_named() {
        for (line, part) in [
            ("--rounds", "`--rounds` needs a value"),
            ("--json --n 3", "`--json` needs a value"),
            ("--rounds 0", "got `0`"),
            ("--threads 1,x", "got `x`"),
            ("--n many", "got `many`"),
            ("--thread 1", "`--thread`"),
        ] {
            let message = parse(line).expect_err("invalid");
            assert!(message.contains(part), "{line}: {message}");
        }
    }
}
