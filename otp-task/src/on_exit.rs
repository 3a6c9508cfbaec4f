//! [`OnExit`]: what a stream of tasks says of a task that ended without a result.

use otp_core::ExitReason;

/// What a stream of tasks says of one that ended without a result: the [reason alone](ReasonAlone), or [with its
/// input](WithInput).
pub trait OnExit<I> {
    /// What is kept of the input meanwhile.
    type Kept;
    /// What the stream says.
    type Error;

    /// Keeps what will be said of it.
    fn keep(input: &I) -> Self::Kept;

    /// Says it.
    fn error(kept: Self::Kept, reason: ExitReason) -> Self::Error;
}

/// The reason that the task ended with.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "it stands in a type, and there is never one")]
pub enum ReasonAlone {}

impl<I> OnExit<I> for ReasonAlone {
    type Kept = ();
    type Error = ExitReason;

    fn keep(_: &I) {}

    fn error((): (), reason: ExitReason) -> ExitReason {
        reason
    }
}

/// The task's input, and the reason that it ended with.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "it stands in a type, and there is never one")]
pub enum WithInput {}

impl<I: Clone> OnExit<I> for WithInput {
    type Kept = I;
    type Error = (I, ExitReason);

    fn keep(input: &I) -> I {
        input.clone()
    }

    fn error(input: I, reason: ExitReason) -> (I, ExitReason) {
        (input, reason)
    }
}
