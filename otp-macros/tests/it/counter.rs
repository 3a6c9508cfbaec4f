//! The counter of the documentation: server and client, end to end.

use std::cell::Cell;

use otp_macros::gen_server;

use crate::otp::{self, CallError, Context, ExitReason, GenServer, InitError, Restart, Shutdown, block_on};

struct Counter {
    count: i64,
}

#[gen_server(restart = transient, shutdown = 10s, crate = crate::otp)]
impl Counter {
    async fn init(start: i64, cx: &mut Context<Self>) -> Result<Self, InitError> {
        cx.continue_with(CounterContinue::Warm(1));
        if start < 0 { Err(InitError("negative".into())) } else { Ok(Self { count: start }) }
    }

    /// The count.
    #[call]
    fn get(&self) -> i64 {
        self.count
    }

    #[call]
    fn divide(&self, by: i64) -> Result<i64, ExitReason> {
        let parsed: i64 = "1".parse()?;
        self.count.checked_div(by * parsed).ok_or(ExitReason::Custom("division by zero".into()))
    }

    #[cast]
    fn add(&mut self, n: i64) {
        self.count += n;
    }

    #[cast]
    fn reset(&mut self) {
        self.count = 0;
    }

    #[info]
    fn tick(&mut self, _cx: &mut Context<Self>) {
        self.count = self.next();
    }

    #[handle_continue]
    fn warm(&mut self, by: i64) {
        self.add(by);
    }

    fn next(&self) -> i64 {
        self.get() + 1
    }
}

#[test]
fn calls_and_casts() {
    block_on(async {
        let counter = Counter::start_link(4).await.unwrap();
        assert_eq!(counter.get().await, Ok(5), "the continuation runs before any message");
        counter.add(5);
        assert_eq!(counter.get().await, Ok(10));
        counter.info(CounterInfo::Tick);
        assert_eq!(counter.get().await, Ok(11));
        counter.reset();
        assert_eq!(counter.get().await, Ok(0));
    });
}

#[test]
fn starting() {
    assert!(Counter::start_link(0).linked);
    assert!(!Counter::start(0).linked);
    block_on(async {
        assert_eq!(Counter::start(-1).await.err(), Some(InitError("negative".into())));
        let (counter, _monitor) = Counter::start_monitor(1).await.unwrap();
        assert_eq!(counter.get().await, Ok(2));
    });
}

#[test]
fn an_exit_reason_crashes_and_is_no_reply() {
    block_on(async {
        let counter = Counter::start(9).await.unwrap();
        assert_eq!(counter.divide(5).await, Ok(2));
        let reason = ExitReason::Custom("division by zero".into());
        assert_eq!(counter.divide(0).await, Err(CallError::Exit(reason.clone())));
        assert_eq!(counter.crashed(), Some(reason));
    });
}

#[test]
fn the_runner_holds_the_reply_of_a_method_that_returns_it() {
    block_on(async {
        let counter = Counter::start(0).await.unwrap();
        assert!(counter.get().was_held());
    });
}

#[test]
fn child_spec_defaults() {
    assert_eq!(Counter::RESTART, Restart::Transient);
    assert_eq!(Counter::SHUTDOWN, Shutdown::Timeout(std::time::Duration::from_secs(10)));
}

#[test]
fn debug_shows_the_name_and_no_payload() {
    assert_eq!(format!("{:?}", CounterCast::Add(42)), "Add");
    assert_eq!(format!("{:?}", CounterCast::Reset), "Reset");
    assert_eq!(format!("{:?}", CounterInfo::Tick), "Tick");
}

/// What a caller takes can be anything that leads to a counter.
#[test]
fn the_client_works_through_every_destination() {
    async fn sum(a: &impl CounterClient, b: &dyn CounterClient) -> i64 {
        a.get().await.unwrap() + b.get().await.unwrap()
    }
    block_on(async {
        let (a, b) = (Counter::start(1).await.unwrap(), Counter::start(2).await.unwrap());
        assert_eq!(sum(&a, &b).await, 5);
    });
}

/// A test of the caller needs no server.
#[test]
fn the_client_can_be_a_stand_in() {
    #[derive(Default)]
    struct Recorded(Cell<i64>);

    impl CounterClient for Recorded {
        fn get(&self) -> otp::Call<Counter, i64> {
            unimplemented!("this test only adds")
        }

        fn divide(&self, _: i64) -> otp::Call<Counter, i64> {
            unimplemented!("this test only adds")
        }

        fn add(&self, n: i64) {
            self.0.set(self.0.get() + n);
        }

        fn reset(&self) {
            self.0.set(0);
        }
    }

    fn add_twice(counter: &impl CounterClient) {
        counter.add(1);
        counter.add(1);
    }

    let recorded = Recorded::default();
    add_twice(&recorded);
    assert_eq!(recorded.0.get(), 2);
}
