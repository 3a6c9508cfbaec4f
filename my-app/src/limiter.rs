//! [`RateLimiter`]: so many requests per client and window of time. The second of the classic `GenServer` examples,
//! written by hand, without `#[gen_server]`, to show what the macro would have written.
//!
//! A client's window begins with its first request and is of fixed length. Clients whose window is over are
//! forgotten at the next clean-up.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use otp::{Call, Context, Destination, ExitReason, GenServer, InitError, Name, ReplyTo};
use serde::Serialize;
use tokio::time::Instant;

/// The rate limiter of this application.
pub(crate) const LIMITER: Name<RateLimiter> = Name::new("limiter");

/// What a rate limiter is started with.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// How many requests a client has per window.
    pub(crate) requests: u32,
    pub(crate) window: Duration,
    /// How many clients are known at a time; beyond that, new ones are refused.
    pub(crate) clients: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: 10, window: Duration::from_secs(10), clients: 100_000 }
    }
}

/// Whether a client may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) allowed: bool,
    /// How many more requests are allowed in this window.
    pub(crate) remaining: u32,
    /// How long until the next one is; zero where some remain.
    pub(crate) retry_after: Duration,
}

/// What the limiter has counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LimiterStats {
    /// Clients known now.
    pub(crate) clients: usize,
    pub(crate) allowed: u64,
    pub(crate) limited: u64,
}

#[derive(Debug)]
struct Window {
    ends: Instant,
    used: u32,
}

/// The server: its fields are the state of its process.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    limits: Limits,
    windows: HashMap<String, Window>,
    /// `clients` in it is not kept up to date.
    counted: LimiterStats,
}

/// The requests, each with the right to answer it.
#[derive(Debug)]
pub(crate) enum LimiterCall {
    Check { client: String, reply: ReplyTo<Decision> },
    Stats(ReplyTo<LimiterStats>),
}

/// What the server tells itself.
#[derive(Debug)]
pub(crate) enum LimiterInfo {
    CleanUp,
}

impl GenServer for RateLimiter {
    type Args = Limits;
    type Call = LimiterCall;
    type Cast = Infallible;
    type Info = LimiterInfo;
    type Continue = Infallible;

    async fn init(limits: Limits, cx: &mut Context<Self>) -> Result<Self, InitError> {
        cx.send_after(limits.window, LimiterInfo::CleanUp);
        Ok(Self { limits, windows: HashMap::new(), counted: LimiterStats::default() })
    }

    async fn handle_call(&mut self, call: LimiterCall, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {
            LimiterCall::Check { client, reply } => reply.send(self.check(client)),
            LimiterCall::Stats(reply) => {
                reply.send(LimiterStats { clients: self.windows.len(), ..self.counted });
            }
        }
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }

    async fn handle_info(&mut self, info: LimiterInfo, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        let LimiterInfo::CleanUp = info;
        let now = Instant::now();
        self.windows.retain(|_, window| window.ends > now);
        cx.send_after(self.limits.window, LimiterInfo::CleanUp);
        Ok(())
    }
}

impl RateLimiter {
    fn check(&mut self, client: String) -> Decision {
        let decision = self.decide(client);
        match decision.allowed {
            true => self.counted.allowed += 1,
            false => self.counted.limited += 1,
        }
        decision
    }

    fn decide(&mut self, client: String) -> Decision {
        let (now, limits) = (Instant::now(), &self.limits);
        if self.windows.len() >= limits.clients && !self.windows.contains_key(&client) {
            return Decision { allowed: false, remaining: 0, retry_after: limits.window };
        }
        let fresh = || Window { ends: now + limits.window, used: 0 };
        let window = self.windows.entry(client).or_insert_with(fresh);
        if window.ends <= now {
            *window = fresh();
        }
        let allowed = window.used < limits.requests;
        window.used += u32::from(allowed);
        let remaining = limits.requests - window.used;
        let retry_after = if remaining == 0 { window.ends - now } else { Duration::ZERO };
        Decision { allowed, remaining, retry_after }
    }
}

/// The client's side, for a [`Name`] as well as for an address.
pub(crate) trait LimiterClient: Destination<RateLimiter> {
    /// Counts a request of `client`, and says whether it may go on.
    fn check(&self, client: String) -> Call<RateLimiter, Decision> {
        self.call(|reply| LimiterCall::Check { client, reply })
    }

    fn stats(&self) -> Call<RateLimiter, LimiterStats> {
        self.call(LimiterCall::Stats)
    }
}

impl<D: Destination<RateLimiter>> LimiterClient for D {}

#[cfg(test)]
mod tests {
    use otp::ServerRef;
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn start(requests: u32, clients: usize) -> ServerRef<RateLimiter> {
        RateLimiter::start(Limits { requests, window: 10 * SECOND, clients }).await.unwrap()
    }

    #[otp::test(start_paused = true)]
    async fn a_client_has_its_requests_and_then_waits_for_the_end_of_its_window() {
        let limiter = start(2, 10).await;
        let decision = |allowed, remaining, retry_after| Ok(Decision { allowed, remaining, retry_after });
        assert_eq!(limiter.check("a".into()).await, decision(true, 1, Duration::ZERO));
        advance(SECOND).await;
        assert_eq!(limiter.check("a".into()).await, decision(true, 0, 9 * SECOND));
        assert_eq!(limiter.check("a".into()).await, decision(false, 0, 9 * SECOND));
        assert_eq!(limiter.check("b".into()).await, decision(true, 1, Duration::ZERO));
        advance(9 * SECOND).await;
        assert_eq!(limiter.check("a".into()).await, decision(true, 1, Duration::ZERO));
    }

    #[otp::test(start_paused = true)]
    async fn a_window_ends_to_the_instant_whatever_the_clean_up_does() {
        let limiter = start(1, 10).await;
        advance(3 * SECOND).await;
        assert!(limiter.check("a".into()).await.unwrap().allowed);
        advance(10 * SECOND - Duration::from_millis(1)).await;
        assert!(!limiter.check("a".into()).await.unwrap().allowed);
        advance(Duration::from_millis(1)).await;
        assert!(limiter.check("a".into()).await.unwrap().allowed);
    }

    #[otp::test(start_paused = true)]
    async fn clients_that_do_not_come_back_are_forgotten() {
        let limiter = start(1, 1).await;
        assert!(limiter.check("a".into()).await.unwrap().allowed);
        let refused = limiter.check("b".into()).await.unwrap();
        assert_eq!((refused.allowed, refused.retry_after), (false, 10 * SECOND));
        assert_eq!(limiter.stats().await, Ok(LimiterStats { clients: 1, allowed: 1, limited: 1 }));
        tokio::time::sleep(21 * SECOND).await;
        assert_eq!(limiter.stats().await.unwrap().clients, 0);
        assert!(limiter.check("b".into()).await.unwrap().allowed);
    }
}
