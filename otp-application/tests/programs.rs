//! Programs as their users run them: signals, exit codes, and what they say. They are this crate's examples.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A running program; killed when a test fails before it has ended.
struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it, and waits until it has said this.
    fn at(mut command: Command, line: &str) -> Self {
        let mut child = command.spawn().expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut program = Self { child, stdout };
        program.wait_for(line);
        program
    }

    fn wait_for(&mut self, line: &str) {
        let mut said = String::new();
        while said.trim_end() != line {
            said.clear();
            assert_ne!(
                self.stdout.read_line(&mut said).expect("it says something"),
                0,
                "it never said: {line}"
            );
        }
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(kill.expect("there is a program `kill`").success());
    }

    /// The exit code, and what it says until then.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut said, mut complaints) = (String::new(), String::new());
        self.stdout.read_to_string(&mut said).expect("text");
        self.child.stderr.take().expect("stderr is piped").read_to_string(&mut complaints).expect("text");
        (self.child.wait().expect("it ends").code(), said, complaints)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An example of this crate, which is built with its tests.
fn example(name: &str) -> Command {
    let this = std::env::current_exe().expect("the test has a path");
    let folder = this.parent().and_then(|deps| deps.parent()).expect("tests stand in target/…/deps");
    let path: PathBuf = folder.join("examples").join(name);
    assert!(path.exists(), "{} is missing: `cargo test` builds it, with --test it does not", path.display());
    let mut command = Command::new(path);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn scenario(name: &str) -> Command {
    let mut command = example("scenarios");
    command.arg(name);
    command
}

fn run(mut command: Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_first_signal_stops_everything_in_order_with_exit_code_0() {
    for (signal, name) in [("-INT", "SIGINT"), ("-TERM", "SIGTERM")] {
        let program = Program::at(scenario("serve"), "up");
        program.signal(signal);
        let (code, said, complaints) = program.end();
        assert_eq!(code, Some(0), "{complaints}");
        assert_eq!(said, "prep_stop\nworker stopped\nstop\nbase stop\n");
        let expected = format!("scenario: {name}: stopping; a second signal ends it at once\n");
        assert_eq!(complaints, expected);
    }
}

#[test]
fn the_current_thread_runtime_stops_in_order_as_well() {
    let mut command = example("scenarios");
    command.env("SCENARIO_SCENARIO", "serve");
    let program = Program::at(command, "up");
    program.signal("-TERM");
    let (code, said, _) = program.end();
    assert_eq!((code, &*said), (Some(0), "prep_stop\nworker stopped\nstop\nbase stop\n"));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (second, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut program = Program::at(scenario("tree-hangs"), "up");
        program.signal("-TERM");
        program.wait_for("deaf");
        program.signal(second);
        let (actual, said, complaints) = program.end();
        assert_eq!((actual, &*said), (Some(code), ""));
        assert!(complaints.ends_with(": ended at once\n"), "{complaints}");
    }
}

#[test]
fn signals_are_obeyed_though_the_runtimes_thread_is_blocked() {
    let mut command = example("scenarios");
    command.env("SCENARIO_SCENARIO", "blocks");
    let mut program = Program::at(command, "blocked");
    program.signal("-TERM");
    let mut complaints = BufReader::new(program.child.stderr.take().expect("stderr is piped"));
    let mut line = String::new();
    complaints.read_line(&mut line).expect("it says something");
    assert_eq!(line, "scenario: SIGTERM: stopping; a second signal ends it at once\n");
    program.signal("-TERM");
    assert_eq!(program.child.wait().expect("it ends").code(), Some(143));
}

#[test]
fn a_child_that_does_not_stop_is_killed_when_its_shutdown_time_is_over() {
    let program = Program::at(scenario("tree-is-slow"), "up");
    program.signal("-TERM");
    let (code, said, _) = program.end();
    assert_eq!((code, &*said), (Some(0), "prep_stop\ndeaf\nworker stopped\nstop\nbase stop\n"));
}

#[test]
fn a_signal_during_the_start_stops_what_has_been_started() {
    let program = Program::at(scenario("start-hangs"), "starting");
    program.signal("-INT");
    let (code, said, complaints) = program.end();
    assert_eq!((code, &*said), (Some(0), "worker stopped\nbase stop\n"));
    assert!(complaints.starts_with("scenario: SIGINT: stopping"), "{complaints}");
    assert_eq!(complaints.lines().count(), 1, "an order is no failure: {complaints}");
}

#[test]
fn a_start_that_fails_or_panics_is_exit_code_1() {
    for (name, why) in [("start-fails", "no luck"), ("start-panics", "panicked: told to")] {
        let (code, said, complaints) = run(scenario(name));
        assert_eq!((code, &*said), (Some(1), "base up\nworker stopped\nbase stop\n"), "{name}");
        let expected = format!("scenario: application scenario did not start: {why}");
        assert!(complaints.lines().any(|line| line.starts_with(&expected)), "{complaints}");
    }
}

#[test]
fn the_end_of_the_tree_is_exit_code_1() {
    let (code, said, complaints) = run(scenario("tree-dies"));
    assert_eq!((code, &*said), (Some(1), "base up\nup\nprep_stop\nstop\nbase stop\n"));
    assert_eq!(complaints, "scenario: application scenario ended: shutdown\n");
}

/// 4 branches at each of 4 levels, or as many as `OTP_TREE_BRANCHES` says.
#[test]
fn the_death_of_one_leaf_of_a_big_tree_that_bears_none_ends_the_program_in_order() {
    let branches: u64 = std::env::var("OTP_TREE_BRANCHES").map_or(4, |text| text.parse().expect("a number"));
    let leaves = branches.pow(4);
    let (code, said, complaints) = run(scenario("big-tree-escalates"));
    let stopped = leaves - 1;
    let expected = format!(
        "base up\nup\n{leaves} leaves\nworker stopped\nprep_stop\n{stopped} leaves stopped\nstop\nbase stop\n"
    );
    assert_eq!((code, &*said), (Some(1), &*expected), "{complaints}");
    assert_eq!(complaints, "scenario: application scenario ended: shutdown\n");
}

#[test]
fn system_stop_says_the_exit_code() {
    let (code, said, complaints) = run(scenario("stops-itself"));
    assert_eq!(code, Some(42));
    assert!(said.ends_with("base stop\n"), "{said}");
    assert_eq!(complaints, "");
}

#[test]
fn a_thread_that_hangs_does_not_keep_the_program_alive() {
    let program = Program::at(scenario("thread-hangs"), "up");
    program.signal("-TERM");
    let (code, said, _) = program.end();
    assert_eq!(code, Some(0));
    assert!(said.ends_with("base stop\n"), "{said}");
}

#[test]
fn a_wrong_configuration_is_exit_code_78_before_anything_starts() {
    let cases = [
        (
            None,
            "service: configuration of service: `port`: is missing: set it in service.toml, or as SERVICE_…",
        ),
        (Some("many"), "service: configuration of service: `port`: invalid "),
        (Some("80000"), "service: configuration of service: `port`: invalid "),
    ];
    for (port, message) in cases {
        let mut command = example("service");
        command.env_remove("SERVICE_PORT");
        command.envs(port.map(|port| ("SERVICE_PORT", port)));
        let (code, said, complaints) = run(command);
        assert_eq!((code, &*said), (Some(78), ""), "{complaints}");
        assert!(complaints.starts_with(message), "{complaints}");
        assert_eq!(complaints.lines().count(), 1, "{complaints}");
        assert_eq!(
            port.is_some(),
            complaints.contains("(in the environment variable SERVICE_PORT)"),
            "{complaints}"
        );
    }
    let (code, said, complaints) = run(example("scenarios"));
    assert_eq!((code, &*said), (Some(78), ""), "the dependency has not started: {complaints}");
}

#[test]
fn a_taken_port_is_said_to_be_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let mut command = example("service");
    command.env("SERVICE_PORT", &port);
    let (code, said, complaints) = run(command);
    assert_eq!((code, &*said), (Some(1), ""));
    let expected = format!("service: application service did not start: cannot listen on port {port}: ");
    assert!(complaints.starts_with(&expected), "{complaints}");
}

#[test]
fn the_service_of_the_readme_serves_and_stops() {
    let mut command = example("service");
    command.env("SERVICE_PORT", "0");
    let mut child = command.spawn().expect("it starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("it says where it listens");
    let program = Program { child, stdout };
    let address = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
    let mut greeting = String::new();
    std::net::TcpStream::connect(address).unwrap().read_to_string(&mut greeting).unwrap();
    assert_eq!(greeting, "hello\n");
    program.signal("-INT");
    assert_eq!(program.end().0, Some(0));
}
