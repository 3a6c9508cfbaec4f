//! Running other programs: each is printed before it runs, and a failure names it.

use std::env;
use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use crate::clock::deadline;

/// The cargo that runs this program, with `words` as its arguments (split at white space).
pub(crate) fn cargo(words: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words.split_whitespace());
    command
}

/// True if `cargo NAME` can be run.
pub(crate) fn cargo_has(name: &str) -> bool {
    let mut probe = cargo(name);
    probe.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Runs `command` with its output on the terminal.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let line = announce(command);
    let status = command.stdin(Stdio::null()).status().map_err(|error| format!("`{line}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}`: {status}")) }
}

/// As [`run`], and kills the program if it takes longer than `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<(), String> {
    let line = announce(command);
    let failed = |error| format!("`{line}`: {error}");
    let mut child = command.stdin(Stdio::null()).spawn().map_err(failed)?;
    let is_late = deadline(limit);
    loop {
        match child.try_wait().map_err(failed)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("`{line}`: {status}")),
            None if is_late() => {
                child.kill().map_err(failed)?;
                child.wait().map_err(failed)?;
                return Err(format!("`{line}`: not done within {limit:?}"));
            }
            None => thread::park_timeout(Duration::from_millis(10)),
        }
    }
}

/// Runs `command` and returns what it printed, whether or not it succeeded.
pub(crate) fn output(command: &mut Command) -> Result<Output, String> {
    let line = announce(command);
    command.stdin(Stdio::null()).output().map_err(|error| format!("`{line}`: {error}"))
}

/// Runs `command` and returns its standard output; its standard error stays on the terminal.
pub(crate) fn stdout(command: &mut Command) -> Result<String, String> {
    let line = display(command);
    let Output { status, stdout, .. } = output(command.stderr(Stdio::inherit()))?;
    if !status.success() {
        return Err(format!("`{line}`: {status}"));
    }
    String::from_utf8(stdout).map_err(|error| format!("`{line}` printed something else than UTF-8: {error}"))
}

fn announce(command: &Command) -> String {
    let line = display(command);
    eprintln!("$ {line}");
    line
}

/// The command as one would type it, with the variables that are set for it alone.
fn display(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}='{}'", name.to_string_lossy(), value.to_string_lossy()))
    });
    // Cargo is started by its full path; "cargo" says as much.
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    variables.chain(words.map(String::from)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(display(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn a_failure_names_the_command() {
        let message = run(&mut Command::new("false")).expect_err("`false` fails");
        assert!(message.starts_with("`false`: exit status"), "{message}");
    }

    #[test]
    fn what_takes_too_long_is_killed() {
        let limit = Duration::from_millis(50);
        assert_eq!(run_within(&mut Command::new("true"), Duration::from_secs(60)), Ok(()));
        let message = run_within(Command::new("sleep").arg("60"), limit).expect_err("it sleeps");
        assert_eq!(message, "`sleep 60`: not done within 50ms");
        let message = run_within(&mut Command::new("false"), Duration::from_secs(60)).expect_err("it fails");
        assert!(message.starts_with("`false`: exit status"), "{message}");
    }
}
