//! Many samples as one table: medians, ratios, who is best, what is missing and why.

use super::catalogue::{Kind, PEERS};
use super::options::Options;
use super::sample::{Outcome, Sample};

/// Others used more than this many cores: the run counts only where too few were quieter.
const QUIET: f64 = 0.2;

/// So many quiet runs are enough to leave the others out.
const ENOUGH: usize = 3;

pub(super) fn render(options: &Options, samples: &[Sample]) -> String {
    // No column for who can do nothing of this.
    let can = |s: &Sample| !matches!(s.outcome, Outcome::Unsupported(_));
    let mut shown = options.clone();
    shown.peers.retain(|peer| samples.iter().any(|s| s.run.peer == *peer && can(s)));
    let options = &shown;
    let mut rows = vec![header(options)];
    for &workload in &options.workloads {
        for &threads in &options.threads {
            let here: Vec<&Sample> =
                samples.iter().filter(|s| s.run.workload == workload && s.run.threads == threads).collect();
            rows.push(row(&format!("{workload}, ns"), threads, options, &here, time));
            if here.iter().any(|sample| bytes(sample).is_some()) {
                rows.push(row(&format!("{workload}, bytes"), threads, options, &here, bytes));
            }
        }
    }
    align(&rows) + &legend(options) + &slowdowns(options, samples) + &missing(samples)
}

fn header(options: &Options) -> Vec<String> {
    ["per operation", "threads"].into_iter().chain(options.peers.iter().copied()).map(str::to_owned).collect()
}

fn time(sample: &Sample) -> Option<f64> {
    match sample.outcome {
        Outcome::Measured { ns_per_op, .. } => Some(ns_per_op),
        _ => None,
    }
}

fn bytes(sample: &Sample) -> Option<f64> {
    match sample.outcome {
        Outcome::Measured { rss_bytes_per_process, .. } => rss_bytes_per_process,
        _ => None,
    }
}

fn slowdown(sample: &Sample) -> Option<f64> {
    match sample.outcome {
        Outcome::Measured { last_quarter_over_first, .. } => last_quarter_over_first,
        _ => None,
    }
}

fn row(
    name: &str,
    threads: u64,
    options: &Options,
    samples: &[&Sample],
    value: fn(&Sample) -> Option<f64>,
) -> Vec<String> {
    let figures: Vec<Option<Figure>> =
        options.peers.iter().map(|peer| Figure::of_peer(peer, samples, value)).collect();
    let contestants = options.peers.iter().zip(&figures).filter(|(peer, _)| !is_floor(peer));
    let best = contestants.filter_map(|(_, figure)| figure.as_ref()).map(|f| f.median).min_by(f64::total_cmp);
    let ours = options.peers.iter().position(|&peer| peer == "otp").and_then(|at| figures[at].as_ref());

    let mut cells = vec![name.to_owned(), threads.to_string()];
    for (&peer, figure) in options.peers.iter().zip(&figures) {
        cells.push(figure.as_ref().map_or_else(
            || "–".to_owned(),
            |figure| {
                let best = !is_floor(peer) && Some(figure.median) == best;
                let ratio = ours.filter(|_| peer != "otp").map(|ours| ours.median / figure.median);
                figure.show(best, ratio)
            },
        ));
    }
    cells
}

fn is_floor(name: &str) -> bool {
    PEERS.iter().any(|peer| peer.name == name && peer.kind == Kind::Floor)
}

/// What the runs of one peer come to.
#[derive(Debug, PartialEq)]
struct Figure {
    median: f64,
    noisy: bool,
}

impl Figure {
    fn of_peer(peer: &str, samples: &[&Sample], value: fn(&Sample) -> Option<f64>) -> Option<Self> {
        let runs = samples.iter().filter(|sample| sample.run.peer == peer);
        Self::of(runs.filter_map(|sample| Some((value(sample)?, sample.foreign))).collect())
    }

    /// From the values, each with its noise; `None` if there is no value.
    fn of(runs: Vec<(f64, Option<f64>)>) -> Option<Self> {
        let quiet = runs.iter().filter(|(_, foreign)| foreign.is_none_or(|cores| cores <= QUIET)).count();
        let noisy = quiet < ENOUGH.min(runs.len());
        let counted =
            runs.into_iter().filter(|(_, foreign)| noisy || foreign.is_none_or(|cores| cores <= QUIET));
        let median = median(counted.map(|(value, _)| value).collect())?;
        Some(Self { median, noisy })
    }

    fn show(&self, best: bool, ratio: Option<f64>) -> String {
        let digits = if self.median < 100.0 { 1 } else { 0 };
        let noisy = if self.noisy { "~" } else { "" };
        let best = if best { "*" } else { "" };
        let ratio = ratio.map(|ratio| format!(" ({ratio:.2})")).unwrap_or_default();
        format!("{noisy}{:.digits$}{best}{ratio}", self.median)
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) })
}

/// Markdown that can be read as it is.
fn align(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let mut cells = row.iter().zip(&widths);
        if let Some((name, width)) = cells.next() {
            text += &format!("| {name:<width$} |");
        }
        for (cell, width) in cells {
            text += &format!(" {cell:>width$} |");
        }
        text += "\n";
        if at == 0 {
            let rules = widths.iter().enumerate();
            text += "|";
            for (column, width) in rules {
                text += &format!("{}{}|", "-".repeat(width + 1), if column == 0 { "-" } else { ":" });
            }
            text += "\n";
        }
    }
    text
}

fn legend(options: &Options) -> String {
    let rounds = options.rounds;
    let times = if rounds == 1 { "one run".to_owned() } else { format!("the median of {rounds} runs") };
    format!(
        "
Each figure is {times}. (x): otp needs x times what the peer needs; below 1, otp is better.
*: the best library; raw is bare tokio, a floor. ~: noisy, others used more than {QUIET} of a core meanwhile.
"
    )
}

/// A line for each row whose operations may get slower as they go.
fn slowdowns(options: &Options, samples: &[Sample]) -> String {
    let mut text = String::new();
    for &workload in &options.workloads {
        for &threads in &options.threads {
            let here: Vec<&Sample> =
                samples.iter().filter(|s| s.run.workload == workload && s.run.threads == threads).collect();
            let ratios: Vec<String> = options
                .peers
                .iter()
                .filter_map(|&peer| {
                    let Figure { median, noisy } = Figure::of_peer(peer, &here, slowdown)?;
                    Some(format!("{peer} {}{median:.2}", if noisy { "~" } else { "" }))
                })
                .collect();
            if !ratios.is_empty() {
                let ratios = ratios.join(", ");
                text += &format!("{workload}, threads: {threads}, last quarter / first quarter: {ratios}\n");
            }
        }
    }
    text
}

/// What has no figure, or not from every run, and why; each reason once.
fn missing(samples: &[Sample]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for sample in samples {
        let (peer, workload) = (sample.run.peer, sample.run.workload);
        let line = match &sample.outcome {
            Outcome::Measured { .. } => continue,
            Outcome::Unsupported(reason) | Outcome::Absent(reason) => format!("– {peer}: {reason}\n"),
            Outcome::Failed(reason) => format!("FAILED: {peer} {workload}: {reason}\n"),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::schedule::Run;

    fn sample(workload: &'static str, peer: &'static str, foreign: f64, outcome: Outcome) -> Sample {
        Sample { run: Run { round: 0, workload, threads: 2, peer }, foreign: Some(foreign), outcome }
    }

    fn measured(ns_per_op: f64, rss_bytes_per_process: Option<f64>) -> Outcome {
        Outcome::Measured { n: 1, ns_per_op, rss_bytes_per_process, last_quarter_over_first: None }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn noisy_runs_count_only_where_quiet_ones_are_too_few() {
        let figure = |runs: &[(f64, f64)]| {
            Figure::of(runs.iter().map(|&(value, foreign)| (value, Some(foreign))).collect())
        };
        let quiet = Some(Figure { median: 2.0, noisy: false });
        assert_eq!(figure(&[(1.0, 0.0), (2.0, 0.2), (3.0, 0.1), (9.0, 0.9)]), quiet);
        let noisy = Some(Figure { median: 2.5, noisy: true });
        assert_eq!(figure(&[(1.0, 0.0), (2.0, 0.3), (3.0, 0.1), (9.0, 0.9)]), noisy);
        assert_eq!(figure(&[(2.0, 0.0)]), quiet);
        assert_eq!(figure(&[]), None);
        assert_eq!(Figure::of(vec![(2.0, None)]), quiet);
    }

    #[test]
    fn whether_operations_get_slower_stands_under_the_table() {
        let options = Options {
            workloads: vec!["call", "restart"],
            peers: vec!["otp", "raw", "spawned", "beam"],
            threads: vec![2],
            rounds: 1,
            ..Options::default()
        };
        let slower = |ratio| Outcome::Measured {
            n: 1,
            ns_per_op: 1.0,
            rss_bytes_per_process: None,
            last_quarter_over_first: Some(ratio),
        };
        let samples = [
            sample("call", "otp", 0.0, measured(200.0, None)),
            sample("restart", "otp", 0.0, slower(1.0)),
            sample("restart", "raw", 0.0, slower(0.987)),
            sample("restart", "beam", 0.9, slower(3.0)),
        ];
        assert_eq!(
            slowdowns(&options, &samples),
            "restart, threads: 2, last quarter / first quarter: otp 1.00, raw 0.99, beam ~3.00\n"
        );
    }

    #[test]
    fn the_table_has_ratios_the_best_and_what_is_missing() {
        let options = Options {
            workloads: vec!["call", "spawn_only"],
            peers: vec!["otp", "raw", "dashmap", "ractor", "beam"],
            threads: vec![2],
            rounds: 1,
            ..Options::default()
        };
        let unable = || Outcome::Unsupported("it is a map".to_owned());
        let absent = || Outcome::Absent("elixir is not installed".to_owned());
        let samples = [
            sample("call", "otp", 0.0, measured(200.0, None)),
            sample("call", "raw", 0.0, measured(100.0, None)),
            sample("call", "dashmap", 0.0, unable()),
            sample("spawn_only", "dashmap", 0.0, unable()),
            sample("call", "ractor", 0.9, measured(800.0, None)),
            sample("call", "beam", 0.0, absent()),
            sample("spawn_only", "otp", 0.0, measured(50.0, Some(600.0))),
            sample("spawn_only", "raw", 0.0, Outcome::Failed("exit status: 1".to_owned())),
            sample("spawn_only", "ractor", 0.0, measured(40.0, Some(1_200.0))),
            sample("spawn_only", "beam", 0.0, absent()),
        ];
        let text = render(&options, &samples);
        assert!(
            text.contains("| call, ns          |       2 | 200* | 100 (2.00) |  ~800 (0.25) |    – |\n"),
            "{text}"
        );
        assert!(
            text.contains("| spawn_only, ns    |       2 | 50.0 |          – | 40.0* (1.25) |    – |\n"),
            "{text}"
        );
        assert!(
            text.contains("| spawn_only, bytes |       2 | 600* |          – |  1200 (0.50) |    – |\n"),
            "{text}"
        );
        assert!(
            text.ends_with("\n– dashmap: it is a map\n– beam: elixir is not installed\nFAILED: raw spawn_only: exit status: 1\n"),
            "{text}"
        );
    }
}
