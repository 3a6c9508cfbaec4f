//! The plain data of a child specification that every crate shares. Supervisors give it its meaning.

use std::time::Duration;

/// When a supervisor starts a child again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "OTP has these three")]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// Only after an abnormal end.
    Transient,
    /// Never.
    Temporary,
}

/// How a supervisor stops a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "OTP has these three")]
pub enum Shutdown {
    /// By `Kill`, at once.
    BrutalKill,
    /// By `Shutdown`, and by `Kill` if it has not ended after this time.
    Timeout(Duration),
    /// By `Shutdown`, and waits as long as it takes. For supervisors.
    Infinity,
}

impl Default for Shutdown {
    /// 5 seconds, as for OTP's workers.
    fn default() -> Self {
        Self::Timeout(Duration::from_secs(5))
    }
}
