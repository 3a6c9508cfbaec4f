//! [`Scenario`]: a few steps, one line each, that mean the same here and on the BEAM.
//!
//! ```text
//! == process/links/one_exit
//! # PROC-037: linking twice gives one EXIT.
//! start a b
//! a trap on; link b; link b
//! b exit boom
//! ```
//!
//! `start` makes processes that do as they are told. Any other line is the name of one and what it is to do, without a
//! pause where a `;` stands. After each line the runner waits until nothing moves any more.

use std::fmt;

use crate::action::{Action, Known};

/// A scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// Its comment, line by line.
    pub(crate) about: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// `start a b`: these processes begin.
    Start(Vec<String>),
    /// `wait 100`: so many milliseconds pass.
    Wait(u64),
    /// `spec id option…`: describes a child for a supervisor to start.
    Spec { id: String, options: Vec<String> },
    /// `a link b; exit boom`: a process does this.
    Act { actor: String, actions: Vec<Action> },
}

impl Scenario {
    /// Reads any number of scenarios.
    pub(crate) fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let mut scenarios: Vec<(Self, Known)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let at = |message: String| format!("line {}: {message}", index + 1);
            if let Some(name) = line.strip_prefix("==") {
                let scenario = Self { name: name.trim().to_owned(), about: Vec::new(), steps: Vec::new() };
                scenarios.push((scenario, Known::default()));
            } else if !line.is_empty() {
                let (scenario, known) =
                    scenarios.last_mut().ok_or_else(|| at("a scenario begins with `== NAME`".to_owned()))?;
                if let Some(about) = line.strip_prefix('#') {
                    scenario.about.push(about.trim().to_owned());
                } else {
                    scenario.steps.push(Step::parse(line, known).map_err(at)?);
                }
            }
        }
        Ok(scenarios.into_iter().map(|(scenario, _)| scenario).collect())
    }
}

impl Step {
    fn parse(line: &str, known: &mut Known) -> Result<Self, String> {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = || rest.split_whitespace().map(str::to_owned);
        match first {
            "start" => {
                for name in words() {
                    if !known.processes.insert(name.clone()) {
                        return Err(format!("`{name}` is started twice"));
                    }
                }
                Ok(Self::Start(words().collect()))
            }
            "wait" => rest.parse().map(Self::Wait).map_err(|_| format!("`{rest}` is no number")),
            "spec" => {
                let id = words().next().ok_or("a spec needs an id")?;
                known.specs.insert(id.clone());
                // The children go by the ids of their specs.
                known.processes.insert(id.clone());
                Ok(Self::Spec { id, options: words().skip(1).collect() })
            }
            actor if known.processes.contains(actor) => {
                let actions: Vec<Action> = rest.split(';').map(Action::parse).collect::<Result<_, _>>()?;
                actions.iter().try_for_each(|action| action.check(known))?;
                Ok(Self::Act { actor: actor.to_owned(), actions })
            }
            unknown => Err(format!("nobody is called `{unknown}`")),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "== {}", self.name)?;
        self.about.iter().try_for_each(|line| writeln!(f, "# {line}"))?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(names) => write!(f, "start {}", names.join(" ")),
            Self::Wait(time) => write!(f, "wait {time}"),
            Self::Spec { id, options } => {
                write!(f, "spec {id}")?;
                options.iter().try_for_each(|option| write!(f, " {option}"))
            }
            Self::Act { actor, actions } => {
                let actions: Vec<String> = actions.iter().map(ToString::to_string).collect();
                write!(f, "{actor} {}", actions.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    const TEXT: &str = "\
== process/example
# PROC-037: linking twice gives one EXIT.
start a b
a trap on; link b
a spawn_monitor c m exit boom
a monitor_alias n al b reply_demonitor
b send_alias al hello
wait 20
spec d restart=permanent start=ok
a server s trap continue=stop:boom
a call name:x within:20 reply:1
== process/other
start a
a demonitor_flush
";

    fn parse(text: &str) -> Result<Vec<Scenario>, String> {
        Scenario::parse_all(text)
    }

    #[test]
    fn what_is_printed_reads_the_same() {
        let text = TEXT.replace("\na demonitor_flush", "");
        let scenarios = parse(&text).expect("valid");
        assert_eq!(scenarios.iter().map(ToString::to_string).collect::<String>(), text);
        assert_eq!(scenarios[0].about, ["PROC-037: linking twice gives one EXIT."]);
        assert_eq!(scenarios[0].steps.len(), 9);
        let Step::Act { actor, actions } = &scenarios[0].steps[1] else { panic!("an action") };
        assert_eq!((actor.as_str(), actions.len()), ("a", 2));
        assert_eq!(actions[1].words, ["b"]);
    }

    #[test]
    fn what_is_written_by_hand_is_well_formed_and_names_its_rule() {
        let mut names = HashSet::new();
        for path in files(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios").as_ref()) {
            let text = fs::read_to_string(&path).expect("readable");
            let scenarios = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for Scenario { name, about, .. } in scenarios {
                let id = about.first().and_then(|line| line.split([',', ':']).next()).unwrap_or_default();
                let number = id.split_once('-').map(|(_, number)| number.parse::<u32>().is_ok());
                assert_eq!(number, Some(true), "{name}: its comment begins with no id of the ledger");
                assert!(names.insert(name.clone()), "{name} stands there twice");
            }
        }
        assert!(names.len() > 100, "{}", names.len());
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        let texts = files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "txt"));
        texts.chain(folders.iter().flat_map(|folder| self::files(folder))).collect()
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        assert_eq!(parse(TEXT), Err("line 14: `demonitor_flush` takes 1 words, and got 0".to_owned()));
        for (line, part) in [
            ("a fly", "`fly`"),
            ("b link a", "`b`"),
            ("a link b", "`b`"),
            ("a link a a", "takes 1"),
            ("a trap maybe", "`maybe`"),
            ("a demonitor m", "`m`"),
            ("a spawn a", "`a`"),
            ("a spawn c link d", "`d`"),
            ("a spawn c leap", "`leap`"),
            ("wait long", "`long`"),
            ("start a", "`a`"),
        ] {
            let message = parse(&format!("== x\nstart a\n{line}\n")).expect_err(line);
            assert!(message.starts_with("line 3: ") && message.contains(part), "{line}: {message}");
        }
        assert!(parse("start a\n").expect_err("no name").contains("`== NAME`"));
    }
}
