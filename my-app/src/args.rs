//! What the service is configured with, and the command line, whose flags go before the file `my_app.toml` and the
//! environment variables `MY_APP_…`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::cache::CacheSettings;
use crate::limiter::Limits;
use crate::tree::Settings;

/// The answer to `--help`.
pub(crate) const HELP: &str = "\
my-app: an HTTP service over a TTL cache, a rate limiter and a slow report

usage: my-app [--port N] [--seed FILE] [--limit N] [--report-ms N]

  --port N       listen on 127.0.0.1:N; 0 takes any free port (default: $PORT, or else 4000)
  --seed FILE    fill the cache from a JSON file {\"key\": \"value\", …} instead of the built-in list
  --limit N      requests to /cache that a client has per 10 seconds (default: 10)
  --report-ms N  how long a report takes, in milliseconds up to 60000 (default: 2000)
  --help         show this

The same can stand in the file my_app.toml (port, seed, limit, report_ms) of the current directory, or in the environment
variables MY_APP_PORT, MY_APP_SEED, MY_APP_LIMIT, MY_APP_REPORT_MS.
The environment variable RUST_LOG sets what is logged to stderr (default: info).
";

const DEFAULT_PORT: u16 = 4000;
const DEFAULT_REPORT_MS: u64 = 2000;

/// The configuration, whatever of file, environment and flags it comes from.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) port: u16,
    seed: Option<PathBuf>,
    limit: std::num::NonZeroU32,
    report_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        let limit =
            std::num::NonZeroU32::new(Limits::default().requests).unwrap_or(std::num::NonZeroU32::MIN);
        Self { port: DEFAULT_PORT, seed: None, limit, report_ms: DEFAULT_REPORT_MS }
    }
}

impl Config {
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            cache: CacheSettings { seed: self.seed.clone(), ..CacheSettings::default() },
            limits: Limits { requests: self.limit.get(), ..Limits::default() },
            report_effort: Duration::from_millis(self.report_ms),
        }
    }
}

/// What the arguments ask for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    /// The keys of [`Config`] that flags set.
    Serve(Vec<(&'static str, Value)>),
}

/// Reads the arguments, without the program's name. `env_port` is the variable `PORT`; a flag goes before it.
pub(crate) fn parse(
    args: impl IntoIterator<Item = String>,
    env_port: Option<&str>,
) -> Result<Command, String> {
    let (mut port, mut flags) = (None, Vec::new());
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
            "--seed" => flags.push(("seed", value()?.into())),
            "--limit" => flags.push(("limit", number(flag, &value()?, 1, u32::MAX)?.into())),
            "--report-ms" => flags.push(("report_ms", number(flag, &value()?, 0, 60_000_u64)?.into())),
            _ => return Err(format!("unknown argument `{arg}`")),
        }
    }
    let port = match (port, env_port) {
        (Some(port), _) => Some(port),
        (None, Some(text)) => Some(number("the environment variable PORT", text, 0, u16::MAX)?),
        (None, None) => None,
    };
    flags.extend(port.map(|port| ("port", port.into())));
    Ok(Command::Serve(flags))
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

    fn flags(args: &str, env_port: Option<&str>) -> Vec<(&'static str, Value)> {
        match parse_text(args, env_port) {
            Ok(Command::Serve(flags)) => flags,
            other => panic!("{args}: {other:?}"),
        }
    }

    #[test]
    fn the_flag_goes_before_the_environment_and_that_before_the_default() {
        assert_eq!(flags("", None), []);
        assert_eq!(Config::default().port, 4000);
        assert_eq!(flags("", Some("5000")), [("port", 5000.into())]);
        assert_eq!(flags("--port 0", Some("5000")), [("port", 0.into())]);
        assert_eq!(flags("--port=6000", Some("not looked at")), [("port", 6000.into())]);
    }

    #[test]
    fn the_other_flags_reach_the_settings() {
        let flags = flags("--seed a.json --limit 3 --report-ms 100", None);
        let object = flags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let config: Config = serde_json::from_value(Value::Object(object)).expect("flags are valid");
        let settings = config.settings();
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
