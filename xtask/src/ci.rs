//! `cargo xtask ci`: the checks that a change must pass, each runnable alone by its name.
//!
//! A step is a function and one entry in [`STEPS`]. A failed step does not stop the later ones; the
//! end lists each step with its time, and the last line counts them: `9 passed, 0 failed, 1 skipped`.

mod bench;
mod checks;
mod compare;
mod conformance;
mod consumer;
mod deny;
mod examples;
mod features;
mod package;
mod test;

use std::process::ExitCode;
use std::time::Duration;

use crate::clock::timed;
use crate::workspace::Workspace;

/// One check.
struct Step {
    name: &'static str,
    /// What it makes sure of.
    about: &'static str,
    run: fn(&Workspace) -> StepResult,
    /// Too long for every change: only `--full`, or its name, runs it.
    full_only: bool,
}

const STEPS: &[Step] = &[
    step("fmt", "the code is formatted", checks::fmt),
    step("tidy", "the rules that the compiler cannot check hold", checks::tidy),
    step("clippy", "no warning in any target, all features on", checks::clippy),
    step("test", "all tests pass, the crates built together with all features", test::together),
    step("alone", "each crate's tests pass when it is built alone with its default features", test::alone),
    step("loom", "the models of hand-made synchronisation hold in every order of events", test::loom),
    full_only("loom-full", "the same models hold with more preemptions", test::loom_full),
    step("conformance", "the scenarios go the same way here and on a live BEAM", conformance::conformance),
    full_only("conformance-full", "the same for 2,000 generated scenarios of each area", conformance::full),
    step("stress", "ten million operations on tables lose nothing", test::stress),
    step("figures", "what a flooded server does to others, printed", test::figures),
    full_only("long", "a million processes leave nothing; the figures are as promised", test::long),
    step("doctest", "the examples in the documentation run", test::doctest),
    step("examples", "the examples of the facade run, and what they assert holds", examples::examples),
    step("compare", "the comparison says how many lines there are; its Elixir runs", compare::compare),
    step("doc", "the documentation builds without a warning", checks::doc),
    step("features", "each crate compiles with no feature, with each one, and with all", features::features),
    step("deny", "licences, sources and banned crates are as deny.toml says", deny::rules),
    step("advisories", "no dependency has a known vulnerability", deny::advisories),
    step("package", "each published crate packs, and builds from its package", package::package),
    step("consumer", "a project outside the workspace can use one crate alone", consumer::consumer),
    full_only("bench", "every benchmark runs on every peer; says nothing of how fast", bench::bench),
];

const fn step(name: &'static str, about: &'static str, run: fn(&Workspace) -> StepResult) -> Step {
    Step { name, about, run, full_only: false }
}

const fn full_only(name: &'static str, about: &'static str, run: fn(&Workspace) -> StepResult) -> Step {
    Step { full_only: true, ..step(name, about, run) }
}

type StepResult = Result<(), Stop>;

/// Why a step did not pass.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// It found something, or could not be carried out.
    Failed(String),
    /// It needs a tool that is not installed: SKIPPED, and a failure under `--strict`.
    ToolAbsent(String),
    /// It needs something that installing cannot give, such as a network: always SKIPPED.
    OutOfReach(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

const USAGE: &str = "\
Usage: cargo xtask ci [STEP…] [OPTION…]

Runs the named steps, or all of them.

  --strict     a step whose tool is not installed fails instead of being skipped
  --full       also run the long steps
  --fail-fast  stop at the first failure
  --list       print the steps and what each is for
";

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    steps: Vec<String>,
    strict: bool,
    full: bool,
    fail_fast: bool,
    list: bool,
    help: bool,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        for arg in args {
            match arg.as_str() {
                "--strict" => options.strict = true,
                "--full" => options.full = true,
                "--fail-fast" => options.fail_fast = true,
                "--list" => options.list = true,
                "--help" | "-h" => options.help = true,
                option if option.starts_with('-') => {
                    return Err(format!("there is no option `{option}`\n\n{USAGE}"));
                }
                name if STEPS.iter().any(|step| step.name == name) => options.steps.push(arg.clone()),
                name => return Err(format!("there is no step `{name}`; the steps are\n\n{}", list())),
            }
        }
        Ok(options)
    }

    /// The steps to run, in the table's order.
    fn selected(&self) -> impl Iterator<Item = &'static Step> {
        STEPS.iter().filter(|step| {
            if self.steps.is_empty() {
                self.full || !step.full_only
            } else {
                self.steps.iter().any(|name| name == step.name)
            }
        })
    }
}

pub(crate) fn run(args: &[String]) -> Result<ExitCode, String> {
    let options = Options::parse(args)?;
    if options.help {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    if options.list {
        print!("{}", list());
        return Ok(ExitCode::SUCCESS);
    }

    let workspace = Workspace::load()?;
    let mut reports: Vec<Report> = Vec::new();
    for step in options.selected() {
        let stopped = options.fail_fast && reports.iter().any(|report| report.outcome.is_failure());
        let (outcome, time) = if stopped {
            (Outcome::Skipped("not run after a failure, as --fail-fast asks".to_owned()), Duration::ZERO)
        } else {
            eprintln!("\n=== {}: {}", step.name, step.about);
            let (result, time) = timed(|| (step.run)(&workspace));
            (Outcome::of(result, options.strict), time)
        };
        if let Outcome::Failed(reason) | Outcome::Skipped(reason) = &outcome {
            eprintln!("{}: {reason}", step.name);
        }
        reports.push(Report { name: step.name, time, outcome });
    }
    print!("\n{}", summary(&reports));
    let failed = reports.iter().any(|report| report.outcome.is_failure());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn list() -> String {
    STEPS
        .iter()
        .map(|Step { name, about, full_only, .. }| {
            format!("  {name:<12} {about}{}\n", if *full_only { " (only with --full)" } else { "" })
        })
        .collect()
}

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

impl Outcome {
    fn of(result: StepResult, strict: bool) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(Stop::Failed(reason)) => Self::Failed(reason),
            Err(Stop::ToolAbsent(reason)) if strict => Self::Failed(format!("--strict: {reason}")),
            Err(Stop::ToolAbsent(reason) | Stop::OutOfReach(reason)) => Self::Skipped(reason),
        }
    }

    fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

/// A line of the summary.
struct Report {
    name: &'static str,
    time: Duration,
    outcome: Outcome,
}

/// The list of results. Its last line is read by programs: keep its form.
fn summary(reports: &[Report]) -> String {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let mut text = String::new();
    for Report { name, time, outcome } in reports {
        let (count, word, reason) = match outcome {
            Outcome::Passed => (&mut passed, "ok", ""),
            Outcome::Failed(reason) => (&mut failed, "FAILED", reason.as_str()),
            Outcome::Skipped(reason) => (&mut skipped, "SKIPPED", reason.as_str()),
        };
        *count += 1;
        let mut line = format!("{name:<12} {:>7.1}s  {word:<7}  ", time.as_secs_f64());
        // A step with several failures gives a line to each. All of them were printed when it ended.
        let mut reasons = reason.lines();
        line += reasons.next().unwrap_or_default();
        match reasons.count() {
            0 => {}
            more => line += &format!(" (and {more} more)"),
        }
        text += line.trim_end();
        text += "\n";
    }
    text + &format!("\n{passed} passed, {failed} failed, {skipped} skipped\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn names(options: &Options) -> Vec<&'static str> {
        options.selected().map(|step| step.name).collect()
    }

    #[test]
    fn without_a_name_all_steps_run() {
        let options = parse("--strict").expect("valid");
        assert!(options.strict && !options.full);
        assert_eq!(
            names(&options),
            STEPS.iter().filter(|s| !s.full_only).map(|s| s.name).collect::<Vec<_>>()
        );
        assert!(!names(&options).contains(&"loom-full"));
        assert_eq!(names(&parse("--full").expect("valid")).len(), STEPS.len());
    }

    #[test]
    fn named_steps_run_once_in_the_order_of_the_table() {
        let options = parse("clippy fmt --fail-fast clippy").expect("valid");
        assert!(options.fail_fast);
        assert_eq!(names(&options), ["fmt", "clippy"]);
    }

    #[test]
    fn what_is_unknown_is_named() {
        assert!(parse("--strickt").expect_err("unknown").contains("`--strickt`"));
        let message = parse("clipy").expect_err("unknown");
        assert!(message.contains("`clipy`") && message.contains("  clippy "), "{message}");
    }

    #[test]
    fn only_an_absent_tool_depends_on_strict() {
        let absent = || Err(Stop::ToolAbsent("no tool".to_owned()));
        let out_of_reach = || Err(Stop::OutOfReach("no network".to_owned()));
        assert_eq!(Outcome::of(absent(), false), Outcome::Skipped("no tool".to_owned()));
        assert_eq!(Outcome::of(absent(), true), Outcome::Failed("--strict: no tool".to_owned()));
        assert_eq!(Outcome::of(out_of_reach(), true), Outcome::Skipped("no network".to_owned()));
    }

    #[test]
    fn the_summary_ends_in_the_counts() {
        let report = |name, outcome| Report { name, time: Duration::from_millis(1_250), outcome };
        let reports = [
            report("fmt", Outcome::Passed),
            report("tidy", Outcome::Failed("a\nb\nc".to_owned())),
            report("advisories", Outcome::Skipped("no network".to_owned())),
        ];
        let expected = "\
fmt              1.2s  ok
tidy             1.2s  FAILED   a (and 2 more)
advisories       1.2s  SKIPPED  no network

1 passed, 1 failed, 1 skipped
";
        assert_eq!(summary(&reports), expected);
    }
}
