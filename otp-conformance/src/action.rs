//! [`Action`]: one thing that a process of a scenario does.

use std::collections::HashSet;
use std::fmt;

use crate::verbs::{Argument, Rest, Verb, find};

/// A verb with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    pub(crate) verb: &'static Verb,
    pub(crate) words: Vec<String>,
}

/// What the lines so far have given names to.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) processes: HashSet<String>,
    pub(crate) specs: HashSet<String>,
    monitors: HashSet<String>,
    aliases: HashSet<String>,
    tables: HashSet<String>,
}

impl Action {
    /// Reads an action without a look at what its names mean.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let name = words.next().ok_or("an action is missing")?;
        let verb = find(name).ok_or_else(|| format!("there is no verb `{name}`"))?;
        let words: Vec<String> = words.map(str::to_owned).collect();
        let wanted = verb.arguments.len();
        if words.len() < wanted || (verb.rest == Rest::Nothing && words.len() > wanted) {
            return Err(format!("`{name}` takes {wanted} words, and got {}", words.len()));
        }
        let action = Self { verb, words };
        action.first_action()?;
        Ok(action)
    }

    /// What a new process is to begin with.
    pub(crate) fn first_action(&self) -> Result<Option<Self>, String> {
        match self.verb.rest {
            Rest::FirstAction if !self.rest().is_empty() => Self::parse(&self.rest().join(" ")).map(Some),
            _ => Ok(None),
        }
    }

    /// The words after the arguments.
    pub(crate) fn rest(&self) -> &[String] {
        &self.words[self.verb.arguments.len()..]
    }

    /// Whether every name in it has been given, and every new name is new.
    pub(crate) fn check(&self, known: &mut Known) -> Result<(), String> {
        for (argument, word) in self.verb.arguments.iter().zip(&self.words) {
            let fits = match argument {
                Argument::NewProcess => known.processes.insert(word.clone()),
                Argument::NewMonitor => known.monitors.insert(word.clone()),
                Argument::NewAlias => known.aliases.insert(word.clone()),
                Argument::Process => known.processes.contains(word),
                Argument::Server => {
                    ["name:", "via:", "part:"].iter().any(|prefix| word.starts_with(prefix))
                        || known.processes.contains(word)
                }
                Argument::Monitor => known.monitors.contains(word),
                Argument::Alias => known.aliases.contains(word),
                Argument::NewTable => known.tables.insert(word.clone()),
                Argument::Table => known.tables.contains(word),
                Argument::Spec => known.specs.contains(word),
                Argument::Word => true,
                Argument::OneOf(choices) => choices.contains(&word.as_str()),
            };
            if !fits {
                return Err(format!("`{self}`: `{word}` is no {argument:?}"));
            }
        }
        match self.first_action()? {
            Some(first) => first.check(known),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb.name)?;
        self.words.iter().try_for_each(|word| write!(f, " {word}"))
    }
}
