//! The result of one run of `otp-bench`, from its line of JSON and into ours.

use serde_json::{Value, json};

use super::schedule::Run;

/// One measurement.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) run: Run,
    /// Cores that others used meanwhile, where the system tells.
    pub(super) foreign: Option<f64>,
    pub(super) outcome: Outcome,
}

#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    Measured {
        n: u64,
        ns_per_op: f64,
        rss_bytes_per_process: Option<f64>,
        last_quarter_over_first: Option<f64>,
    },
    /// The peer cannot do this.
    Unsupported(String),
    /// The peer is not installed.
    Absent(String),
    Failed(String),
}

impl Outcome {
    /// From what `otp-bench` printed.
    pub(super) fn parse(line: &str) -> Self {
        let line = line.trim();
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        if let Some(reason) = value["unsupported"].as_str() {
            return Self::Unsupported(reason.to_owned());
        }
        if let Some(reason) = value["absent"].as_str() {
            return Self::Absent(reason.to_owned());
        }
        match (value["n"].as_u64(), value["ns_per_op"].as_f64()) {
            (Some(n), Some(ns_per_op)) => {
                let rss_bytes_per_process = value["rss_bytes_per_process"].as_f64();
                let last_quarter_over_first = value["last_quarter_over_first"].as_f64();
                Self::Measured { n, ns_per_op, rss_bytes_per_process, last_quarter_over_first }
            }
            _ => Self::Failed(format!("it printed `{line}`")),
        }
    }
}

impl Sample {
    /// What `otp-bench` printed, with the round and the noise.
    pub(super) fn json(&self) -> Value {
        let Run { round, workload, threads, peer } = self.run;
        let mut line = json!({"peer": peer, "workload": workload, "threads": threads, "round": round});
        if let Some(foreign) = self.foreign {
            line["foreign"] = json!((foreign * 100.0).round() / 100.0);
        }
        match &self.outcome {
            Outcome::Measured { n, ns_per_op, rss_bytes_per_process, last_quarter_over_first } => {
                line["n"] = json!(n);
                line["ns_per_op"] = json!(ns_per_op);
                if let Some(bytes) = rss_bytes_per_process {
                    line["rss_bytes_per_process"] = json!(bytes);
                }
                if let Some(ratio) = last_quarter_over_first {
                    line["last_quarter_over_first"] = json!(ratio);
                }
            }
            Outcome::Unsupported(reason) => line["unsupported"] = json!(reason),
            Outcome::Absent(reason) => line["absent"] = json!(reason),
            Outcome::Failed(reason) => line["failed"] = json!(reason),
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_understood() {
        let measured = |rss_bytes_per_process, last_quarter_over_first| Outcome::Measured {
            n: 3,
            ns_per_op: 2.5,
            rss_bytes_per_process,
            last_quarter_over_first,
        };
        assert_eq!(Outcome::parse(r#"{"peer":"otp","n":3,"ns_per_op":2.50}"#), measured(None, None));
        let line = r#"{"n":3,"ns_per_op":2.5,"rss_bytes_per_process":600}"#;
        assert_eq!(Outcome::parse(line), measured(Some(600.0), None));
        let line = r#"{"n":3,"ns_per_op":2.5,"last_quarter_over_first":1.5}"#;
        assert_eq!(Outcome::parse(line), measured(None, Some(1.5)));
        let line = r#"{"peer":"spawned","unsupported":"no supervisor"}"#;
        assert_eq!(Outcome::parse(line), Outcome::Unsupported("no supervisor".to_owned()));
        let line = r#"{"peer":"beam","absent":"elixir is not installed"}"#;
        assert_eq!(Outcome::parse(line), Outcome::Absent("elixir is not installed".to_owned()));
    }

    #[test]
    fn anything_else_is_a_failure_that_shows_it() {
        for line in ["", "Segmentation fault", "{}", r#"{"n":3}"#] {
            assert!(
                matches!(Outcome::parse(line), Outcome::Failed(reason) if reason.contains(line)),
                "{line}"
            );
        }
    }

    #[test]
    fn the_round_and_the_noise_go_into_the_file() {
        let run = Run { round: 1, workload: "call", threads: 2, peer: "raw" };
        let outcome = Outcome::Measured {
            n: 3,
            ns_per_op: 2.5,
            rss_bytes_per_process: None,
            last_quarter_over_first: Some(1.5),
        };
        let line = Sample { run, foreign: Some(0.123), outcome }.json().to_string();
        assert_eq!(
            line,
            r#"{"foreign":0.12,"last_quarter_over_first":1.5,"n":3,"ns_per_op":2.5,"peer":"raw","round":1,"threads":2,"workload":"call"}"#
        );
    }
}
