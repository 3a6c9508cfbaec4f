#![doc = include_str!("../README.md")]

mod crate_path;
mod entry;
mod errors;
mod gen_server;

use proc_macro::TokenStream;

use crate::entry::Kind;

/// Makes a `GenServer` of an inherent `impl` block: its methods become the messages, and the client's methods.
///
/// ```text
/// #[gen_server(restart = transient, shutdown = 10s)]
/// impl Counter {
///     async fn init(start: i64, cx: &mut Context<Self>) -> Result<Self, InitError> {
///         cx.send_after(Duration::from_secs(1), CounterInfo::Tick);
///         Ok(Self { count: start })
///     }
///     #[call] fn get(&self) -> i64 { self.count }
///     #[cast] fn add(&mut self, n: i64) { self.count += n }
///     #[info] fn tick(&mut self, cx: &mut Context<Self>) { /* … */ }
/// }
/// ```
///
/// Every method stays where it is and can be called as before (`self.get()`). Next to the block this generates:
///
/// ```text
/// impl Counter {
///     pub fn start(start: i64) -> Start<Self> { … }          // also start_link and start_monitor
/// }
/// pub enum CounterCall { Get(ReplyTo<i64>) }
/// pub enum CounterCast { Add(i64) }
/// pub enum CounterInfo { Tick }
/// impl GenServer for Counter { … }                           // dispatches to the methods
/// pub trait CounterClient {
///     fn get(&self) -> Call<Counter, i64>;
///     fn add(&self, n: i64);
/// }
/// impl<D: Destination<Counter> + ?Sized> CounterClient for D { … }
/// ```
///
/// A complete example that runs, beside the same server written by hand, is in the documentation of `otp-genserver`.
///
/// # Methods
///
/// A method takes `&self` or `&mut self`, then owned arguments, then, where it needs one, `cx: &mut Context<Self>`.
/// It may be `async`. A `#[cfg]` on it goes to its message too.
///
/// - `#[call] fn m(&self) -> T` replies `T` when it returns. `-> Result<T, ExitReason>`, written out like this, replies the
///   `Ok` and crashes the server with the `Err`; any other `Result` is the reply. A call whose first argument is a
///   `ReplyTo<T>` answers by itself, now or later.
/// - `#[cast]`, `#[info]` and `#[handle_continue]` methods return nothing or `Result<(), E>`; an `Err` crashes the server.
/// - `init` makes the state and returns `Result<Self, InitError>`, or `Self`. Its arguments are those of `start`,
///   `start_link` and `start_monitor`; a block that has a method of such a name keeps its own.
/// - `handle_timeout(&mut self)`, `handle_down(&mut self, down: Down)`, `handle_exit(&mut self, from: Pid, reason: ExitReason)`
///   and `terminate(&mut self, reason: &ExitReason)` are recognised by name. Each may be `async` and take `cx` at the end.
/// - `format_state(&self) -> Option<String>`, `format_call(call: &CounterCall) -> Option<String>`, `format_cast` and `format_info`
///   are what `sys` and crash reports may show; `const FORMATS_MESSAGES: bool = true;` keeps the last message for a crash report.
/// - `const POLLED_BY_CALLERS: bool = false;` has the server run in its own task alone.
/// - Everything else in the block is left alone.
///
/// # Options
///
/// - `restart = permanent | transient | temporary`: what the child spec says; the trait's default otherwise.
/// - `shutdown = 10s | 500ms | brutal_kill | infinity`: likewise.
/// - `client = Name`: the name of the client trait; defaults to the server's with `Client` behind it.
/// - `vis = pub(crate)`: the visibility of what is generated; defaults to `pub`. It cannot be narrower than the server's own.
/// - `crate = path`: where the runtime is, if it was renamed or re-exported.
///
/// # Counterpart
///
/// Elixir: `use GenServer`, with `def get(pid), do: GenServer.call(pid, :get)` and its `handle_call` clause in one.
#[proc_macro_attribute]
pub fn gen_server(args: TokenStream, item: TokenStream) -> TokenStream {
    gen_server::gen_server(args.into(), item.into(), "::otp_genserver").into()
}

/// [`macro@gen_server`], for the facade crate `otp`.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn gen_server_facade(args: TokenStream, item: TokenStream) -> TokenStream {
    gen_server::gen_server(args.into(), item.into(), "::otp").into()
}

/// Runs an `async fn main` as the first process of a new runtime.
///
/// ```text
/// #[otp::main(flavor = "multi_thread", worker_threads = 4)]
/// async fn main() -> Result<(), Box<dyn Error>> { … }
/// ```
///
/// # Options
///
/// - `flavor = "multi_thread" | "current_thread"`: defaults to `"multi_thread"`.
/// - `worker_threads = N`: of the multi-thread runtime; defaults to the number of cores.
/// - `start_paused = true`: starts with the clock paused; needs `flavor = "current_thread"` and the feature `test-util`.
/// - `crate = path`: where the runtime is, if it was renamed or re-exported.
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Kind::Main, args.into(), item.into(), "::otp_core").into()
}

/// Runs an `async fn` as a test, as the first process of a runtime of its own.
///
/// ```text
/// #[otp::test(start_paused = true)]
/// async fn ticks_once_a_second() { … }
/// ```
///
/// The options are those of [`macro@main`], but `flavor` defaults to `"current_thread"`.
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Kind::Test, args.into(), item.into(), "::otp_core").into()
}

/// [`macro@main`], for `otp-genserver`.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn main_genserver(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Kind::Main, args.into(), item.into(), "::otp_genserver").into()
}

/// [`macro@test`], for `otp-genserver`.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn test_genserver(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Kind::Test, args.into(), item.into(), "::otp_genserver").into()
}

/// [`macro@main`], for the facade crate `otp`.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn main_facade(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Kind::Main, args.into(), item.into(), "::otp").into()
}

/// [`macro@test`], for the facade crate `otp`.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn test_facade(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Kind::Test, args.into(), item.into(), "::otp").into()
}
