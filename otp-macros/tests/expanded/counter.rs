// What `#[gen_server]` makes of the counter, without its `#[allow]` attributes.
//
// The test `the_counter_expands_to_this_file` in `src/gen_server.rs` compares.

impl Counter {
    async fn init(start: i64, cx: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self { count: start })
    }
    fn get(&self) -> i64 {
        self.count
    }
    fn add(&mut self, n: i64) {
        self.count += n
    }
    fn tick(&mut self, cx: &mut Context<Self>) {
        self.count = 0;
    }
}

impl Counter {
    #[doc = "Starts the server, on its own, and waits for `init`."]
    pub fn start(start: i64) -> ::otp_genserver::Start<Self> {
        <Self as ::otp_genserver::GenServer>::start(start)
    }
    #[doc = "Starts the server, linked to the current process, and waits for `init`."]
    pub fn start_link(start: i64) -> ::otp_genserver::Start<Self> {
        <Self as ::otp_genserver::GenServer>::start_link(start)
    }
    #[doc = "Starts the server, monitored by the current process, and waits for `init`."]
    pub fn start_monitor(start: i64) -> ::otp_genserver::StartMonitor<Self> {
        <Self as ::otp_genserver::GenServer>::start_monitor(start)
    }
}

#[doc = "The calls of `Counter`, one for each `#[call]` method."]
pub enum CounterCall {
    #[doc = "The call `get`."]
    Get(::otp_genserver::ReplyTo<i64>),
}

impl ::core::fmt::Debug for CounterCall {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::write_str(
            f,
            match *self {
                Self::Get(..) => "Get",
            },
        )
    }
}

#[doc = "The casts of `Counter`, one for each `#[cast]` method."]
pub enum CounterCast {
    #[doc = "The cast `add`."]
    Add(i64),
}

impl ::core::fmt::Debug for CounterCast {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::write_str(
            f,
            match *self {
                Self::Add(..) => "Add",
            },
        )
    }
}

#[doc = "The infos of `Counter`, one for each `#[info]` method."]
pub enum CounterInfo {
    #[doc = "The info `tick`."]
    Tick,
}

impl ::core::fmt::Debug for CounterInfo {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::write_str(
            f,
            match *self {
                Self::Tick => "Tick",
            },
        )
    }
}

impl ::otp_genserver::GenServer for Counter {
    type Args = i64;
    type Call = CounterCall;
    type Cast = CounterCast;
    type Info = CounterInfo;
    type Continue = ::core::convert::Infallible;
    async fn init(
        start: Self::Args,
        cx: &mut ::otp_genserver::Context<Self>,
    ) -> ::core::result::Result<Self, ::otp_genserver::InitError> {
        Self::init(start, cx).await
    }
    async fn handle_call(
        &mut self,
        message: Self::Call,
        cx: &mut ::otp_genserver::Context<Self>,
    ) -> ::core::result::Result<(), ::otp_genserver::ExitReason> {
        match message {
            CounterCall::Get(reply) => {
                let mut reply = reply;
                reply.mark_held();
                let value = Self::get(self);
                reply.send(value);
            }
        }
        ::core::result::Result::Ok(())
    }
    async fn handle_cast(
        &mut self,
        message: Self::Cast,
        cx: &mut ::otp_genserver::Context<Self>,
    ) -> ::core::result::Result<(), ::otp_genserver::ExitReason> {
        match message {
            CounterCast::Add(n) => {
                Self::add(self, n);
            }
        }
        ::core::result::Result::Ok(())
    }
    async fn handle_info(
        &mut self,
        message: Self::Info,
        cx: &mut ::otp_genserver::Context<Self>,
    ) -> ::core::result::Result<(), ::otp_genserver::ExitReason> {
        match message {
            CounterInfo::Tick => {
                Self::tick(self, cx);
            }
        }
        ::core::result::Result::Ok(())
    }
    async fn handle_continue(
        &mut self,
        message: Self::Continue,
        cx: &mut ::otp_genserver::Context<Self>,
    ) -> ::core::result::Result<(), ::otp_genserver::ExitReason> {
        match message {}
    }
}

#[doc = "The client's side of `Counter`: what every destination of such a server can do."]
pub trait CounterClient {
    #[doc = "Calls `get` and gives its reply."]
    fn get(&self) -> ::otp_genserver::Call<Counter, i64>;
    #[doc = "Casts `add`: there is no reply, and no word of whether the server is there."]
    fn add(&self, n: i64);
}
impl<__D: ::otp_genserver::Destination<Counter> + ?::core::marker::Sized> CounterClient for __D {
    fn get(&self) -> ::otp_genserver::Call<Counter, i64> {
        ::otp_genserver::Destination::call(self, move |reply| CounterCall::Get(reply))
    }
    fn add(&self, n: i64) {
        ::otp_genserver::Destination::cast(self, CounterCast::Add(n))
    }
}
