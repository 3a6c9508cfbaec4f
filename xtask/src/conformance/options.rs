//! The command line of `cargo xtask conformance`.

use std::time::{SystemTime, UNIX_EPOCH};

/// What there are scenarios for.
const AREAS: &[&str] =
    &["process", "gen_server", "supervisor", "dynamic_supervisor", "partition_supervisor", "registry", "ets"];

/// Which of the scenarios that were written by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Those that have to go the same way.
    Closed,
    /// Those in the folders `open`, which are known to go differently.
    Open,
}

/// What to run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// In the order of [`AREAS`].
    pub(super) areas: Vec<&'static str>,
    /// Generated scenarios in each area.
    pub(super) count: u64,
    pub(super) seed: u64,
    /// Only scenarios with this in their name.
    pub(super) only: Option<String>,
    pub(super) which: Which,
    pub(super) help: bool,
}

impl Default for Options {
    fn default() -> Self {
        // Another one each time; it is printed. Short, for whoever types it again.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = u64::from(now.subsec_micros());
        Self { areas: AREAS.to_vec(), count: 50, seed, only: None, which: Which::Closed, help: false }
    }
}

pub(super) fn usage() -> String {
    format!(
        "\
Usage: cargo xtask conformance [AREA…] [OPTION…]

Runs scenarios here and on a live BEAM, and prints those that go differently. The areas are {}.

  --count N    generated scenarios in each area (50)
  --seed S     which ones; another seed each time if none is given
  --only TEXT  only scenarios with TEXT in their name
  --open       instead, those that are known to go differently: scenarios/AREA/open
",
        AREAS.join(", ")
    )
}

impl Options {
    pub(super) fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut areas = Vec::new();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value\n\n{}", usage()));
            match arg.as_str() {
                "--count" => options.count = number(arg, value()?)?,
                "--seed" => options.seed = number(arg, value()?)?,
                "--only" => options.only = Some(value()?.clone()),
                "--open" => options.which = Which::Open,
                "--help" | "-h" => options.help = true,
                option if option.starts_with('-') => {
                    return Err(format!("there is no option `{option}`\n\n{}", usage()));
                }
                area if AREAS.contains(&area) => areas.push(area),
                area => {
                    return Err(format!("there is no area `{area}`; the areas are {}", AREAS.join(", ")));
                }
            }
        }
        if !areas.is_empty() {
            options.areas.retain(|area| areas.contains(area));
        }
        Ok(options)
    }
}

fn number(option: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("`{option}` needs a number, and got `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn without_an_area_all_of_them_run() {
        assert_eq!(parse("--count 3").map(|options| (options.areas, options.count)), Ok((AREAS.to_vec(), 3)));
        let options = parse("gen_server --seed 5 --only links").expect("valid");
        assert_eq!(
            (options.areas, options.seed, options.only),
            (vec!["gen_server"], 5, Some("links".to_owned()))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            ("proces", "`proces`"),
            ("--cound 3", "`--cound`"),
            ("--count many", "`many`"),
            ("--seed", "`--seed`"),
        ] {
            let message = parse(line).expect_err("invalid");
            assert!(message.contains(part), "{line}: {message}");
        }
    }
}
