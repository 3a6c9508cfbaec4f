//! [`Failure`]: a status and a plain reason; and what a failed call to a server is for the client.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use otp::{CallError, ExitReason};

use crate::tree::Server;

/// An answer that is not the one asked for.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    reason: String,
}

impl Failure {
    pub(super) const fn new(status: StatusCode, reason: String) -> Self {
        Self { status, reason }
    }

    pub(super) const fn bad_request(reason: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// A call to `server` that failed: temporarily, where a restart would mend it.
    pub(super) fn call(server: Server, error: CallError) -> Self {
        let status = match error {
            CallError::NoProc | CallError::Exit(_) => StatusCode::SERVICE_UNAVAILABLE,
            CallError::Timeout => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, explain(server, &error))
    }
}

/// What happened, in words.
pub(super) fn explain(server: Server, error: &CallError) -> String {
    match error {
        CallError::NoProc => {
            format!("the {server} is not running; its supervisor starts it again")
        }
        CallError::Exit(reason) => {
            format!("the {server} {} before it answered your request", ended(reason))
        }
        CallError::Timeout => format!("the {server} did not answer in time"),
        CallError::NoReply => format!("the {server} took your request and lost it"),
        other => format!("the {server} could not be asked: {other}"),
    }
}

fn ended(reason: &ExitReason) -> String {
    match reason {
        ExitReason::Killed => "was killed".to_owned(),
        reason if reason.is_orderly() => "was stopped".to_owned(),
        reason => format!("crashed ({reason})"),
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, format!("{}\n", self.reason)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_fail_has_its_status_and_its_words() {
        let cases = [
            (CallError::NoProc, 503, "is not running"),
            (CallError::Exit(ExitReason::Killed), 503, "the cache was killed before it answered"),
            (CallError::Exit(ExitReason::Shutdown), 503, "was stopped before"),
            (CallError::Exit(ExitReason::new("disk full")), 503, "crashed (disk full) before"),
            (CallError::Timeout, 504, "in time"),
            (CallError::NoReply, 500, "lost it"),
            (CallError::CallingSelf, 500, "called itself"),
        ];
        for (error, status, words) in cases {
            let failure = Failure::call(Server::Cache, error);
            assert_eq!(failure.status.as_u16(), status, "{failure:?}");
            assert!(failure.reason.contains(words), "{failure:?}");
        }
    }
}
