//! The program as its user runs it: its flags, its first lines, a request, and how it stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A running service; killed when a test fails before it has stopped.
struct Service {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Service {
    fn start(args: &[&str]) -> Self {
        let mut child = my_app(&["--port", "0"]).args(args).spawn().expect("my-app starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("my-app prints its address");
        let address = line.trim().strip_prefix("http://").expect("the first line is the address").to_owned();
        Self { child, stdout, address }
    }

    /// Sends a request whose connection is closed after the answer.
    fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("my-app listens");
        write!(stream, "{request} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)
            .expect("my-app takes a request");
        stream
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(kill.expect("there is a program `kill`").success());
    }

    /// The exit code, and the lines about the stop.
    fn wait(mut self) -> (Option<i32>, Vec<String>) {
        let lines = self.stdout.by_ref().lines().map_while(Result::ok);
        let lines = lines.filter(|line| line.starts_with("stop")).collect();
        (self.child.wait().expect("my-app ends").code(), lines)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn my_app(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_my-app"));
    command.args(args).env_remove("PORT").env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = my_app(args).output().expect("my-app starts");
    let text = |bytes| String::from_utf8(bytes).expect("my-app prints UTF-8");
    (status.code(), text(stdout), text(stderr))
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    answer
}

const IN_ORDER: [&str; 2] = ["stopping: no new connections", "stopped in order"];

#[test]
fn it_serves_until_a_signal_and_stops_in_order() {
    for signal in ["-INT", "-TERM"] {
        let service = Service::start(&[]);
        let answer = answer(service.send("GET /cache/greeting"));
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nhello"), "{answer}");
        service.signal(signal);
        assert_eq!(service.wait(), (Some(0), IN_ORDER.map(str::to_owned).to_vec()), "{signal}");
    }
}

#[test]
fn an_idle_connection_does_not_hold_up_the_stop() {
    let service = Service::start(&[]);
    let mut idle = TcpStream::connect(&service.address).expect("my-app listens");
    write!(idle, "GET /cache/greeting HTTP/1.1\r\nhost: x\r\n\r\n").expect("my-app takes a request");
    idle.read_exact(&mut [0; 12]).expect("an answer comes");
    service.signal("-INT");
    assert_eq!(service.wait(), (Some(0), IN_ORDER.map(str::to_owned).to_vec()));
}

#[test]
fn a_request_that_is_being_answered_gets_its_answer_before_the_stop() {
    let service = Service::start(&["--report-ms", "300"]);
    let waiting = service.send("GET /report");
    // The reporter has it: the second request is answered after the first was taken.
    while !answer(service.send("GET /")).contains("pending 1") {}
    service.signal("-INT");
    let report = answer(waiting);
    assert!(report.starts_with("HTTP/1.1 200") && report.contains("made_by"), "{report}");
    assert_eq!(service.wait(), (Some(0), IN_ORDER.map(str::to_owned).to_vec()));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut service = Service::start(&["--report-ms", "60000"]);
    let _waiting = service.send("GET /report");
    while !answer(service.send("GET /")).contains("pending 1") {}
    service.signal("-INT");
    let mut line = String::new();
    while !line.starts_with("stopping") {
        line.clear();
        service.stdout.read_line(&mut line).expect("it says that it stops");
    }
    service.signal("-INT");
    assert_eq!(service.wait(), (Some(130), vec![]));
}

#[test]
fn a_server_that_was_killed_is_back_and_no_hindrance() {
    let service = Service::start(&[]);
    let killed = answer(service.send("POST /kill/limiter"));
    assert!(killed.contains("and is back as"), "{killed}");
    let chaos = answer(service.send("POST /chaos"));
    assert!(chaos.contains("was killed"), "{chaos}");
    assert!(answer(service.send("GET /cache/greeting")).ends_with("hello"));
    service.signal("-INT");
    assert_eq!(service.wait(), (Some(0), IN_ORDER.map(str::to_owned).to_vec()));
}

#[test]
fn a_wrong_environment_variable_is_named_and_exits_with_78() {
    let mut command = my_app(&["--port", "0"]);
    let output = command.env("MY_APP_LIMIT", "many").output().expect("my-app starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{stderr}");
    assert!(stderr.contains("MY_APP_LIMIT"), "{stderr}");
}

#[test]
fn a_taken_port_is_said_to_be_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let (code, stdout, stderr) = run(&["--port", &port]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains(&format!("port {port} is taken")), "{stderr}");
}

#[test]
fn a_bad_seed_is_said_before_anything_is_served() {
    let (code, stdout, stderr) = run(&["--port", "0", "--seed", "/no/such/file"]);
    assert_eq!(code, Some(1));
    assert!(!stdout.contains("http"), "{stdout}");
    assert!(stderr.contains("/no/such/file: No such file"), "{stderr}");
}

#[test]
fn mistakes_in_the_arguments_exit_with_2_and_help_with_0() {
    let (code, _, stderr) = run(&["--port", "many"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("not `many`"), "{stderr}");
    let (code, stdout, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("--seed FILE"), "{stdout}");
}
