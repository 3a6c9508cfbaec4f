//! The result of one measurement, and its line of JSON.

use std::time::{Duration, Instant};

use crate::options::Options;

#[derive(Debug)]
pub(crate) enum Outcome {
    Measured {
        /// Operations that were really done: `--n`, rounded down where the workload shares them out.
        n: u64,
        time: Duration,
        /// Resident bytes that each process added.
        rss: Option<u64>,
        /// Whether an operation takes longer after many others.
        last_quarter_over_first: Option<f64>,
    },
    /// The peer cannot do this work, for a reason that the table's footnote shows.
    Unsupported(&'static str),
    /// The peer is not installed on this machine.
    Absent(&'static str),
    /// A line that another program has made.
    Line(String),
}

impl Outcome {
    /// `n` operations took from `start` until now.
    pub(crate) fn since(start: Instant, n: u64) -> Self {
        Self::Measured { n, time: start.elapsed(), rss: None, last_quarter_over_first: None }
    }

    pub(crate) fn line(&self, options: &Options) -> String {
        let Options { peer, workload, threads, .. } = options;
        let head = format!(r#"{{"peer":"{peer}","workload":"{workload}","threads":{threads}"#);
        match self {
            Self::Measured { n, time, rss, last_quarter_over_first } => {
                #[expect(clippy::cast_precision_loss, reason = "13 digits are enough")]
                let each = time.as_nanos() as f64 / *n as f64;
                let rss = rss.map(|bytes| format!(r#","rss_bytes_per_process":{bytes}"#)).unwrap_or_default();
                let slowdown = last_quarter_over_first
                    .map(|ratio| format!(r#","last_quarter_over_first":{ratio:.3}"#))
                    .unwrap_or_default();
                format!(r#"{head},"n":{n},"ns_per_op":{each:.2}{rss}{slowdown}}}"#)
            }
            Self::Unsupported(reason) => format!(r#"{head},"unsupported":"{reason}"}}"#),
            Self::Absent(reason) => format!(r#"{head},"absent":"{reason}"}}"#),
            Self::Line(line) => line.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json() {
        let options = Options { peer: "otp", workload: "call", threads: 2, n: 4 };
        let measured = |rss, last_quarter_over_first| Outcome::Measured {
            n: 4,
            time: Duration::from_nanos(10),
            rss,
            last_quarter_over_first,
        };
        assert_eq!(
            measured(None, None).line(&options),
            r#"{"peer":"otp","workload":"call","threads":2,"n":4,"ns_per_op":2.50}"#
        );
        assert_eq!(
            measured(Some(600), None).line(&options),
            r#"{"peer":"otp","workload":"call","threads":2,"n":4,"ns_per_op":2.50,"rss_bytes_per_process":600}"#
        );
        assert_eq!(
            measured(None, Some(1.5)).line(&options),
            r#"{"peer":"otp","workload":"call","threads":2,"n":4,"ns_per_op":2.50,"last_quarter_over_first":1.500}"#
        );
        assert_eq!(
            Outcome::Unsupported("no supervisor").line(&options),
            r#"{"peer":"otp","workload":"call","threads":2,"unsupported":"no supervisor"}"#
        );
    }
}
