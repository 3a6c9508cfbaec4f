//! The command line of one measurement.

use crate::catalogue::{Kind, PEERS, PeerName, WORKLOADS};

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) peer: &'static str,
    pub(crate) workload: &'static str,
    pub(crate) threads: usize,
    /// How many operations.
    pub(crate) n: u64,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self, String> {
        let mut words = Vec::new();
        let (mut threads, mut n) = (2, None);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--threads" => threads = number(arg, args.next())?,
                "--n" => n = Some(number(arg, args.next())?),
                option if option.starts_with('-') => {
                    return Err(format!("there is no option `{option}`\n\n{}", usage()));
                }
                word => words.push(word),
            }
        }
        let [peer, workload] = words.as_slice() else {
            return Err(format!("a peer and a workload are needed\n\n{}", usage()));
        };
        let peer = PEERS
            .iter()
            .find(|known| known.name == *peer)
            .ok_or_else(|| format!("there is no peer `{peer}`\n\n{}", usage()))?;
        let workload = WORKLOADS
            .iter()
            .find(|known| known.name == *workload)
            .ok_or_else(|| format!("there is no workload `{workload}`\n\n{}", usage()))?;
        let threads = usize::try_from(threads).map_err(|_| format!("{threads} threads are too many"))?;
        Ok(Self { peer: peer.name, workload: workload.name, threads, n: n.unwrap_or(workload.n) })
    }
}

fn number(option: &str, value: Option<&String>) -> Result<u64, String> {
    value
        .and_then(|value| value.parse().ok())
        .filter(|&number| number > 0)
        .ok_or_else(|| format!("`{option}` needs a number above 0"))
}

pub(crate) fn usage() -> String {
    let mut text = "Usage: otp-bench PEER WORKLOAD [--threads T] [--n N]\n\nPeers:\n".to_owned();
    for peer in PEERS {
        let PeerName { name, about, kind } = peer;
        text +=
            &format!("  {name:<16} {about}{}\n", if *kind == Kind::Variant { " (a variant)" } else { "" });
    }
    text += "\nWorkloads:\n";
    for workload in WORKLOADS {
        text += &format!("  {:<16} {}\n", workload.name, workload.about);
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
    fn what_is_left_out_has_a_default() {
        let expected = Options { peer: "raw", workload: "ring", threads: 2, n: 1_000_000 };
        assert_eq!(parse("raw ring"), Ok(expected));
        let expected = Options { peer: "otp", workload: "call", threads: 1, n: 7 };
        assert_eq!(parse("--n 7 otp --threads 1 call"), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            ("raw", "a peer and a workload"),
            ("row ring", "`row`"),
            ("raw rink", "`rink`"),
            ("raw ring --n", "`--n`"),
            ("raw ring --n 0", "`--n`"),
            ("raw ring --thread 1", "`--thread`"),
        ] {
            let message = parse(line).expect_err("invalid");
            assert!(message.contains(part), "{line}: {message}");
        }
    }
}
