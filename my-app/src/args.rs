//! The command line and the environment: what the service is to be started with.

use std::path::PathBuf;
use std::time::Duration;

use crate::servers::Settings;

/// The answer to `--help`.
pub(crate) const HELP: &str = "\
my-app: an HTTP service over a TTL cache, a rate limiter and a slow report

usage: my-app [--port N] [--seed FILE] [--limit N] [--report-ms N]

  --port N       listen on 127.0.0.1:N; 0 takes any free port (default: $PORT, or else 4000)
  --seed FILE    fill the cache from a JSON file {\"key\": \"value\", …} instead of the built-in list
  --limit N      requests to /cache that a client has per 10 seconds (default: 10)
  --report-ms N  how long a report takes, in milliseconds up to 60000 (default: 2000)
  --help         show this

The environment variable RUST_LOG sets what is logged to stderr (default: info).
";

const DEFAULT_PORT: u16 = 4000;

/// What the arguments ask for.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Serve { port: u16, settings: Settings },
}

/// Reads the arguments, without the program's name. `env_port` is the variable `PORT`; a flag goes before it.
pub(crate) fn parse(
    args: impl IntoIterator<Item = String>,
    env_port: Option<&str>,
) -> Result<Command, String> {
    let (mut port, mut settings) = (None, Settings::default());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let (flag, inline) = match arg.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (arg.as_str(), None),
        };
        let mut value =
            || inline.clone().or_else(|| args.next()).ok_or_else(|| format!("{flag} needs a value"));
        match flag {
            "--help" | "-h" => return Ok(Command::Help),
            "--port" => port = Some(number(flag, &value()?, 0, u16::MAX)?),
            "--seed" => settings.cache.seed = Some(PathBuf::from(value()?)),
            "--limit" => settings.limits.requests = number(flag, &value()?, 1, u32::MAX)?,
            "--report-ms" => {
                settings.report_effort = Duration::from_millis(number(flag, &value()?, 0, 60_000)?);
            }
            _ => return Err(format!("unknown argument `{arg}`")),
        }
    }
    let port = match (port, env_port) {
        (Some(port), _) => port,
        (None, Some(text)) => number("the environment variable PORT", text, 0, u16::MAX)?,
        (None, None) => DEFAULT_PORT,
    };
    Ok(Command::Serve { port, settings })
}

fn number<N>(what: &str, text: &str, least: N, most: N) -> Result<N, String>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let number = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("{what} must be a whole number from {least} to {most}, not `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(args: &str, env_port: Option<&str>) -> Result<Command, String> {
        parse(args.split_whitespace().map(str::to_owned), env_port)
    }

    fn port(args: &str, env_port: Option<&str>) -> u16 {
        match parse_text(args, env_port) {
            Ok(Command::Serve { port, .. }) => port,
            other => panic!("{args}: {other:?}"),
        }
    }

    #[test]
    fn the_flag_goes_before_the_environment_and_that_before_the_default() {
        assert_eq!(port("", None), 4000);
        assert_eq!(port("", Some("5000")), 5000);
        assert_eq!(port("--port 0", Some("5000")), 0);
        assert_eq!(port("--port=6000", Some("not looked at")), 6000);
    }

    #[test]
    fn the_other_flags_reach_the_settings() {
        let Ok(Command::Serve { settings, .. }) = parse_text("--seed a.json --limit 3 --report-ms 100", None)
        else {
            panic!("these are good arguments")
        };
        assert_eq!(settings.cache.seed, Some("a.json".into()));
        assert_eq!(settings.limits.requests, 3);
        assert_eq!(settings.report_effort, Duration::from_millis(100));
    }

    #[test]
    fn a_mistake_is_named() {
        let error = |args, env| parse_text(args, env).unwrap_err();
        assert_eq!(error("--prot 1", None), "unknown argument `--prot`");
        assert_eq!(error("--port", None), "--port needs a value");
        assert_eq!(error("--port x", None), "--port must be a whole number from 0 to 65535, not `x`");
        assert_eq!(error("--port 65536", None), "--port must be a whole number from 0 to 65535, not `65536`");
        assert!(error("--limit 0", None).contains("from 1"));
        assert!(error("", Some("")).starts_with("the environment variable PORT must be"));
        assert!(matches!(parse_text("--port 1 --help", None), Ok(Command::Help)));
    }
}
