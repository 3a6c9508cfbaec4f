//! Scenarios and what came of them, as text: where one ends and the next begins, and whether two are alike.

use std::collections::HashMap;
use std::fmt;

/// A scenario, as both runners get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scenario {
    pub(super) name: String,
    /// From its `== NAME` to the next.
    pub(super) text: String,
}

impl Scenario {
    /// What stands in a file of scenarios, or of what came of them.
    pub(super) fn split(text: &str) -> Vec<Self> {
        let mut scenarios: Vec<Self> = Vec::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("==") {
                scenarios.push(Self { name: name.trim().to_owned(), text: String::new() });
            }
            if let Some(scenario) = scenarios.last_mut().filter(|_| !line.trim().is_empty()) {
                scenario.text += line;
                scenario.text.push('\n');
            }
        }
        scenarios
    }
}

/// A scenario that went differently.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) scenario: Scenario,
    here: String,
    beam: String,
}

/// Those scenarios whose traces differ.
pub(super) fn compare(scenarios: &[Scenario], here: &str, beam: &str) -> Result<Vec<Comparison>, String> {
    let (here, beam) = (by_name(here), by_name(beam));
    let mut different = Vec::new();
    for scenario in scenarios {
        let find = |traces: &HashMap<String, String>, runner: &str| {
            let trace = traces.get(&scenario.name).cloned();
            trace.ok_or_else(|| format!("{runner} did not run {}", scenario.name))
        };
        let (here, beam) = (find(&here, "the runner here")?, find(&beam, "the BEAM")?);
        if here != beam {
            different.push(Comparison { scenario: scenario.clone(), here, beam });
        }
    }
    Ok(different)
}

fn by_name(traces: &str) -> HashMap<String, String> {
    Scenario::split(traces).into_iter().map(|trace| (trace.name, trace.text)).collect()
}

/// The scenario with its steps numbered, and both traces whole: `-` before a line that only came here, `+` before one that
/// only the BEAM printed.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = 0;
        for line in self.scenario.text.lines() {
            if line.starts_with("==") || line.starts_with('#') {
                writeln!(f, "{line}")?;
            } else {
                number += 1;
                writeln!(f, "{number:>6}  {line}")?;
            }
        }
        for (title, trace, other, mark) in
            [("here", &self.here, &self.beam, '-'), ("on the BEAM", &self.beam, &self.here, '+')]
        {
            writeln!(f, "  {title}:")?;
            for line in trace.lines().skip(1) {
                let mark = if other.lines().any(|known| known == line) { ' ' } else { mark };
                writeln!(f, "  {mark} {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIOS: &str = "== a\n# GS-001\nstart x\nx exit boom\n\n== b\nstart y\n";

    #[test]
    fn a_file_is_split_at_the_names() {
        let scenarios = Scenario::split(SCENARIOS);
        assert_eq!(scenarios.iter().map(|scenario| scenario.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(scenarios[0].text, "== a\n# GS-001\nstart x\nx exit boom\n");
    }

    #[test]
    fn only_what_differs_is_found_and_shown_with_both_traces() {
        let scenarios = Scenario::split(SCENARIOS);
        let same = "== a\n2 x: ended boom\n== b\n";
        assert!(compare(&scenarios, same, same).expect("complete").is_empty());
        let other = "== b\n== a\n2 x: ended killed\n";
        let different = compare(&scenarios, same, other).expect("complete");
        assert_eq!(different.len(), 1);
        let shown = different[0].to_string();
        for part in ["     2  x exit boom", "  - 2 x: ended boom", "  + 2 x: ended killed", "# GS-001"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }

    #[test]
    fn the_order_of_lines_and_their_number_count() {
        let scenarios = Scenario::split("== a\nstart x\n");
        for (here, beam) in
            [("1 x: a\n1 x: b\n", "1 x: b\n1 x: a\n"), ("1 x: a\n", "1 x: a\n1 x: a\n"), ("", "1 x: a\n")]
        {
            let different = compare(&scenarios, &format!("== a\n{here}"), &format!("== a\n{beam}"));
            assert_eq!(different.expect("complete").len(), 1, "{here} and {beam}");
        }
    }

    #[test]
    fn a_scenario_that_was_not_run_is_named() {
        let scenarios = Scenario::split(SCENARIOS);
        let message = compare(&scenarios, "== a\n== b\n", "== a\n").expect_err("b is missing");
        assert_eq!(message, "the BEAM did not run b");
    }
}
