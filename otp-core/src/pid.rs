//! [`Pid`]: the identity of a process.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// The identity of a process: 64 bits, `Copy`, never reused while the program runs.
///
/// A pid takes signals (`link`, `monitor`, `exit`) and questions (`is_alive`, `info`). Messages go to typed
/// addresses: [`ProcessRef`](crate::ProcessRef), [`Recipient`](crate::Recipient).
///
/// # Examples
///
/// ```
/// # #[otp_core::main]
/// # async fn main() {
/// let me = otp_core::process::current().expect("main is a process");
/// assert!(me.to_string().starts_with("<0."));
/// assert_eq!(me.to_string().parse(), Ok(me));
/// # }
/// ```
///
/// # Counterpart
///
/// Erlang's `pid()`. Only local ones exist; the text form is `<0.N>`, without a serial.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(NonZeroU64);

static NEXT: AtomicU64 = AtomicU64::new(2);

impl Pid {
    /// Stands for code outside any process, as the sender of an exit signal. No process has it.
    pub const OUTSIDE: Self = Self(NonZeroU64::MIN);

    /// The next unused pid.
    pub(crate) fn next() -> Self {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(n).expect("2^64 processes were started"))
    }

    /// The pid with this [number](Self::number); 0 is none.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number `N` in `<0.N>`.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<0.{}>", self.0)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a pid: it is not of the form `<0.N>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsePidError;

impl fmt::Display for ParsePidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pid is written <0.N>, with N a number above 0")
    }
}

impl std::error::Error for ParsePidError {}

impl FromStr for Pid {
    type Err = ParsePidError;

    fn from_str(text: &str) -> Result<Self, ParsePidError> {
        let number = text.strip_prefix("<0.").and_then(|rest| rest.strip_suffix('>')).ok_or(ParsePidError)?;
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParsePidError);
        }
        number.parse().map(Self).map_err(|_| ParsePidError)
    }
}

#[cfg(test)]
mod tests {
    use super::Pid;

    #[test]
    fn text_form_reads_back_and_refuses_anything_else() {
        let pid = Pid::next();
        assert_eq!(pid.to_string().parse(), Ok(pid));
        for bad in ["", "1", "<0.>", "<0.0>", "<1.1>", "<0.+1>", "<0.1", "<0.99999999999999999999>"] {
            assert!(bad.parse::<Pid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn pids_are_never_reused() {
        let (a, b) = (Pid::next(), Pid::next());
        assert!(a < b);
    }
}
