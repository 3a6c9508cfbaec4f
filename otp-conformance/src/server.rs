//! A server whose callbacks do what the request tells them, and note that they ran.
//!
//! A request is a list of directives: `reply:1 stop:boom`. The options of a start are what `init` does, besides
//! `name:N`, `via:REGISTRY:KEY[:VALUE]`, `within:MS`, `terminate:DIRECTIVE` and `on_timeout:DIRECTIVE`.

use std::time::Duration;

use otp_core::process;
use otp_core::{Down, Pid, ReplyTo, Target};
use otp_genserver::{
    Call, CallError, Context, Destination, ExitReason, GenServer, InitError, Stop, StopError,
};
use tokio::time::sleep;

use crate::partitions;
use crate::reason::{self, CRASH};
use crate::registry;
use crate::world::{Address, World};

#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) world: World,
    pub(crate) name: String,
    pub(crate) options: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Server {
    world: World,
    name: String,
    /// What the end does.
    on_terminate: Option<String>,
    /// What the callback timeout does.
    on_timeout: Option<String>,
    kept: Vec<ReplyTo<String>>,
    count: i64,
}

#[derive(Debug)]
pub(crate) struct Request {
    directives: Vec<String>,
    reply: ReplyTo<String>,
}

/// The request under way.
#[derive(Debug, Default)]
struct Asked {
    reply: Option<ReplyTo<String>>,
    /// What it is answered with when the callback returns, as by OTP's `{reply, …}`.
    answer: Option<String>,
}

impl Asked {
    fn answer(&mut self, text: String) {
        if self.reply.is_some() {
            self.answer.get_or_insert(text);
        }
    }
}

impl GenServer for Server {
    type Args = Arguments;
    type Call = Request;
    type Cast = Vec<String>;
    type Info = Vec<String>;
    type Continue = String;

    async fn init(arguments: Arguments, cx: &mut Context<Self>) -> Result<Self, InitError> {
        let Arguments { world, name, options } = arguments;
        world.bind(&name, cx.pid(), Address::Server(cx.server_ref()));
        world.log(&name, "init");
        world.log_order(&name, "init");
        let option = |prefix: &str| options.iter().find_map(|option| option.strip_prefix(prefix));
        let mut server = Self {
            on_terminate: option("terminate:").map(str::to_owned),
            on_timeout: option("on_timeout:").map(str::to_owned),
            world,
            name,
            kept: Vec::new(),
            count: 0,
        };
        for directive in &options {
            match directive.split_once(':').unwrap_or((directive, "")) {
                ("name" | "via" | "within" | "terminate" | "on_timeout", _) => {}
                ("ignore", _) => return Err(InitError::Ignore),
                ("stop", reason) => return Err(InitError::Stop(reason::parse(reason))),
                _ => server.obey(directive, &mut Asked::default(), cx).await,
            }
        }
        Ok(server)
    }

    async fn handle_call(&mut self, request: Request, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        self.log("call", &request.directives);
        let mut asked = Asked { reply: Some(request.reply), answer: None };
        for directive in &request.directives {
            self.obey(directive, &mut asked, cx).await;
        }
        match asked {
            Asked { reply: Some(reply), answer: Some(answer) } => reply.send(answer),
            // A recorded difference: a request that is dropped fails at once. In OTP it is as one that is kept.
            Asked { reply, .. } => self.kept.extend(reply),
        }
        Ok(())
    }

    async fn handle_cast(
        &mut self,
        directives: Vec<String>,
        cx: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        self.log("cast", &directives);
        self.obey_all(&directives, cx).await;
        Ok(())
    }

    async fn handle_info(
        &mut self,
        directives: Vec<String>,
        cx: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        self.log("info", &directives);
        self.obey_all(&directives, cx).await;
        Ok(())
    }

    async fn handle_continue(&mut self, directive: String, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        self.log("continue", std::slice::from_ref(&directive));
        self.obey(&directive, &mut Asked::default(), cx).await;
        Ok(())
    }

    async fn handle_timeout(&mut self, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        self.world.log(&self.name, "timeout");
        if let Some(directive) = self.on_timeout.clone() {
            self.obey(&directive, &mut Asked::default(), cx).await;
        }
        Ok(())
    }

    async fn handle_down(&mut self, down: Down, _: &mut Context<Self>) -> Result<(), ExitReason> {
        let (key, text) = show_down(&self.world, &down);
        self.world.log_from(&self.name, &key, text);
        Ok(())
    }

    async fn handle_exit(
        &mut self,
        from: Pid,
        reason: ExitReason,
        _: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        let from = self.world.show(from);
        self.world.log_from(&self.name, &from, format!("exit of {from}: {}", reason::show(&reason)));
        Ok(())
    }

    async fn terminate(&mut self, reason: &ExitReason, cx: &mut Context<Self>) {
        self.world.log(&self.name, format!("terminate {} count={}", reason::show(reason), self.count));
        self.world.log_order(&self.name, "terminate");
        if let Some(directive) = self.on_terminate.clone() {
            self.obey(&directive, &mut Asked::default(), cx).await;
        }
    }
}

impl Server {
    fn log(&self, callback: &str, directives: &[String]) {
        self.world.log(&self.name, format!("{callback} {}", directives.join(" ")));
    }

    async fn obey_all(&mut self, directives: &[String], cx: &mut Context<Self>) {
        for directive in directives {
            self.obey(directive, &mut Asked::default(), cx).await;
        }
    }

    async fn obey(&mut self, directive: &str, asked: &mut Asked, cx: &mut Context<Self>) {
        if let Some(directive) = directive.strip_prefix("continue=") {
            return cx.continue_with(directive.to_owned());
        }
        if let Some(directive) = directive.strip_prefix("tell_self=") {
            return cx.server_ref().send(vec![directive.to_owned()]);
        }
        let (verb, word) = directive.split_once(':').unwrap_or((directive, ""));
        match verb {
            "reply" => asked.answer(word.to_owned()),
            "count" => asked.answer(self.count.to_string()),
            "reply_now" => {
                if let Some(reply) = asked.reply.take() {
                    reply.send(word.to_owned());
                }
            }
            "add" => self.count += word.parse::<i64>().unwrap_or_default(),
            "later" | "nothing" => {}
            "answer" => self.kept.drain(..).for_each(|kept| kept.send(word.to_owned())),
            "stop" => cx.stop(reason::parse(word)),
            "exit" => process::exit(reason::parse(word)),
            "crash" => panic!("{CRASH}"),
            "idle" => cx.set_timeout(millis(word)),
            "sleep" => sleep(millis(word)).await,
            "trap" => drop(process::trap_exit(true)),
            "signal_self" => process::send_exit(cx.pid(), reason::parse(word)),
            "link" => drop(self.world.pid(word).map(process::link)),
            "unlink" => drop(self.world.pid(word).map(process::unlink)),
            "call_self" => {
                let me = cx.server_ref();
                let called = me.call(|reply| Request { directives: Vec::new(), reply }).await;
                let text = called.unwrap_or_else(|error| format!("exit {}", show_error(&error)));
                self.world.log(&self.name, format!("call_self: {text}"));
            }
            "stop_self" => {
                let stopped = show_stopped(cx.server_ref().stop().await);
                self.world.log(&self.name, format!("stop_self: {stopped}"));
            }
            _ => self.world.log(&self.name, format!("cannot {directive}")),
        }
    }
}

/// A number of milliseconds.
pub(crate) fn millis(word: &str) -> Duration {
    Duration::from_millis(word.parse().unwrap_or_default())
}

/// How a DOWN is shown, and whom it counts as coming from: its order among EXITs is not promised.
pub(crate) fn show_down(world: &World, down: &Down) -> (String, String) {
    let monitor = world.monitor_name(down.monitor).unwrap_or_else(|| "unknown".to_owned());
    let target = match &down.target {
        Target::Pid(pid) => world.show(*pid),
        Target::Name(name) => format!("name:{}", world.unregistered(name)),
    };
    let tag = down.tag.as_ref().and_then(|tag| tag.get::<String>());
    let tag = tag.map_or_else(String::new, |tag| format!(" tag {tag}"));
    (format!("down {monitor}"), format!("down {monitor} of {target}: {}{tag}", reason::show(&down.reason)))
}

/// A server by its process, by `name:` and its name, by `via:`, a registry and a key, or by `part:`, a partition supervisor and a
/// number.
fn destination<R>(world: &World, server: &str, then: impl FnOnce(&dyn Reach) -> R) -> Result<R, String> {
    if let Some(name) = server.strip_prefix("name:") {
        return Ok(then(&world.server_name(name)));
    }
    if let Some(via) = server.strip_prefix("via:") {
        return Ok(then(&registry::via(world, via)?.0));
    }
    if let Some(part) = server.strip_prefix("part:") {
        return Ok(then(&partitions::partition(world, part)?));
    }
    match world.address(server) {
        Some(Address::Server(server)) => Ok(then(&server)),
        _ => Err(format!("no {server}")),
    }
}

/// What is done with a server, whichever way it is reached.
trait Reach {
    fn call(&self, directives: &[String]) -> Call<Server, String>;
    fn cast(&self, directives: &[String]);
    /// `false` if nobody has the name.
    fn tell(&self, directives: &[String]) -> bool;
    /// `None` if nobody has the key.
    fn stop(&self) -> Option<Stop<Server>>;
}

impl Reach for otp_registry::Via<Server, String, String> {
    fn call(&self, directives: &[String]) -> Call<Server, String> {
        Destination::call(self, |reply| Request { directives: directives.to_vec(), reply })
    }

    fn cast(&self, directives: &[String]) {
        Destination::cast(self, directives.to_vec());
    }

    fn tell(&self, directives: &[String]) -> bool {
        self.resolve().map(|server| server.send(directives.to_vec())).is_ok()
    }

    fn stop(&self) -> Option<Stop<Server>> {
        self.resolve().ok().map(|server| server.stop())
    }
}

impl Reach for otp_supervisor::Partition<Server> {
    fn call(&self, directives: &[String]) -> Call<Server, String> {
        Destination::call(self, |reply| Request { directives: directives.to_vec(), reply })
    }

    fn cast(&self, directives: &[String]) {
        Destination::cast(self, directives.to_vec());
    }

    fn tell(&self, directives: &[String]) -> bool {
        self.resolve().map(|server| server.send(directives.to_vec())).is_ok()
    }

    fn stop(&self) -> Option<Stop<Server>> {
        Some(Destination::stop(self))
    }
}

impl Reach for otp_genserver::Name<Server> {
    fn call(&self, directives: &[String]) -> Call<Server, String> {
        Destination::call(self, |reply| Request { directives: directives.to_vec(), reply })
    }

    fn cast(&self, directives: &[String]) {
        Destination::cast(self, directives.to_vec());
    }

    fn tell(&self, directives: &[String]) -> bool {
        self.resolve().map(|server| server.send(directives.to_vec())).is_ok()
    }

    fn stop(&self) -> Option<Stop<Server>> {
        Some(Self::stop(self))
    }
}

impl Reach for otp_genserver::ServerRef<Server> {
    fn call(&self, directives: &[String]) -> Call<Server, String> {
        Self::call(self, |reply| Request { directives: directives.to_vec(), reply })
    }

    fn cast(&self, directives: &[String]) {
        Self::cast(self, directives.to_vec());
    }

    fn tell(&self, directives: &[String]) -> bool {
        self.send(directives.to_vec());
        true
    }

    fn stop(&self) -> Option<Stop<Server>> {
        Some(Self::stop(self))
    }
}

/// Splits `within:MS` and `reason:R` off.
fn options(words: &[String]) -> (Option<Duration>, Option<ExitReason>, Vec<String>) {
    let (mut within, mut reason, mut rest) = (None, None, Vec::new());
    for word in words {
        if let Some(limit) = word.strip_prefix("within:") {
            within = Some(millis(limit));
        } else if let Some(word) = word.strip_prefix("reason:") {
            reason = Some(reason::parse(word));
        } else {
            rest.push(word.clone());
        }
    }
    (within, reason, rest)
}

pub(crate) fn call(world: &World, server: &str, words: &[String]) -> Result<Call<Server, String>, String> {
    let (within, _, directives) = options(words);
    let call = destination(world, server, |server| server.call(&directives))?;
    Ok(match within {
        Some(limit) => call.timeout(limit),
        None => call.infinity(),
    })
}

pub(crate) fn cast(world: &World, server: &str, words: &[String]) -> Result<(), String> {
    destination(world, server, |server| server.cast(words))
}

pub(crate) fn tell(world: &World, server: &str, words: &[String]) -> Result<bool, String> {
    destination(world, server, |server| server.tell(words))
}

pub(crate) async fn stop(world: &World, server: &str, words: &[String]) -> Result<String, String> {
    let (within, reason, _) = options(words);
    let Some(mut stop) = destination(world, server, |server| server.stop())? else {
        return Ok(show_stopped(Err(StopError::NoProc)));
    };
    if let Some(limit) = within {
        stop = stop.timeout(limit);
    }
    if let Some(reason) = reason {
        stop = stop.reason(reason);
    }
    Ok(show_stopped(stop.await))
}

pub(crate) fn show_stopped(result: Result<(), StopError>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(StopError::NoProc) => "exit noproc".to_owned(),
        Err(StopError::Timeout) => "exit timeout".to_owned(),
        Err(StopError::CallingSelf) => "exit calling_self".to_owned(),
        Err(StopError::Exit(reason)) => format!("exit {}", reason::show(&reason)),
        Err(other) => format!("exit {other}"),
    }
}

/// A recorded difference: OTP exits the caller with these, here they are returned.
pub(crate) fn show_error(error: &CallError) -> String {
    match error {
        CallError::NoProc => "noproc".to_owned(),
        CallError::Timeout => "timeout".to_owned(),
        CallError::CallingSelf => "calling_self".to_owned(),
        CallError::Exit(reason) => reason::show(reason),
        other => other.to_string(),
    }
}
