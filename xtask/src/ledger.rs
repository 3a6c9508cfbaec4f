//! `cargo xtask ledger [AREA…]`: which behaviours of `docs/ledger/` have a test, a recorded difference, or neither.
//!
//! An area is a file of that folder, `process` for `process.md`. An id counts as tested when a test function is named
//! after it (`fn proc_037_…`), and as different when `docs/differences.md` names it, alone or in a range
//! (`PROC-076 to PROC-078`). Exit code 1 while any id is open.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::tidy::{read, rust_files};
use crate::workspace::Workspace;

pub(crate) fn run(args: &[String]) -> Result<ExitCode, String> {
    let workspace = Workspace::load()?;
    let folder = workspace.root.join("docs/ledger");
    let areas = areas(&folder)?;
    if let Some(unknown) = args.iter().find(|arg| !areas.contains(arg)) {
        return Err(format!("there is no area `{unknown}`; the areas are {}", areas.join(", ")));
    }
    let tested = tested(&workspace)?;
    let different = named_in(&read(&workspace.root.join("docs/differences.md"))?);

    println!("{:<20} {:>5} {:>7} {:>10} {:>5}", "area", "ids", "tested", "different", "open");
    let mut open = Vec::new();
    for area in areas.iter().filter(|area| args.is_empty() || args.contains(area)) {
        let ids = ids(&read(&folder.join(format!("{area}.md")))?);
        let count = Count::of(&ids, &tested, &different);
        let Count { tested, different, .. } = count;
        println!("{area:<20} {:>5} {tested:>7} {different:>10} {:>5}", ids.len(), count.open.len());
        if !count.open.is_empty() {
            open.push(format!("{area}: {}", count.open.join(" ")));
        }
    }
    for line in &open {
        println!("\nopen in {line}");
    }
    Ok(if open.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How one area stands.
struct Count {
    tested: usize,
    different: usize,
    open: Vec<String>,
}

impl Count {
    fn of(ids: &[String], tests: &BTreeSet<String>, differences: &BTreeSet<String>) -> Self {
        let mut count = Self { tested: 0, different: 0, open: Vec::new() };
        for id in ids {
            if tests.contains(id) {
                count.tested += 1;
            } else if differences.contains(id) {
                count.different += 1;
            } else {
                count.open.push(id.clone());
            }
        }
        count
    }
}

fn areas(folder: &Path) -> Result<Vec<String>, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let mut areas = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "md")
            && let Some(stem) = path.file_stem()
        {
            areas.push(stem.to_string_lossy().into_owned());
        }
    }
    areas.sort();
    Ok(areas)
}

/// The ids that a ledger lists: the first word in backquotes of each numbered line.
fn ids(ledger: &str) -> Vec<String> {
    ledger
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_digit()))
        .filter_map(|line| line.split('`').nth(1))
        .filter(|word| number_of(word).is_some())
        .map(str::to_owned)
        .collect()
}

/// The prefix and number of an id: `PROC` and 37 of `PROC-037`.
fn number_of(id: &str) -> Option<(&str, u32)> {
    let (prefix, number) = id.rsplit_once('-')?;
    let capital = |c: char| c.is_ascii_uppercase();
    (!prefix.is_empty() && prefix.chars().all(capital) && number.chars().all(|c| c.is_ascii_digit()))
        .then(|| number.parse().ok().map(|number| (prefix, number)))?
}

/// The ids that test functions are named after.
fn tested(workspace: &Workspace) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    for member in &workspace.members {
        for folder in ["src", "tests"] {
            for path in rust_files(&member.dir.join(folder))? {
                found.extend(tests_in(&read(&path)?));
            }
        }
    }
    Ok(found)
}

fn tests_in(source: &str) -> impl Iterator<Item = String> {
    source.split("fn ").skip(1).filter_map(|rest| {
        let mut words = rest.split('_');
        let (prefix, number) = (words.next()?, words.next()?);
        let id = format!("{}-{number}", prefix.to_ascii_uppercase());
        (number.len() == 3 && number_of(&id).is_some()).then_some(id)
    })
}

/// The ids that a text names in backquotes, with all between two that are joined by `to`.
fn named_in(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let parts: Vec<&str> = text.split('`').collect();
    for (at, part) in parts.iter().enumerate().skip(1).step_by(2) {
        let Some((prefix, number)) = number_of(part) else { continue };
        named.insert((*part).to_owned());
        if parts.get(at + 1).is_some_and(|between| between.trim() == "to")
            && let Some((_, last)) = parts.get(at + 2).and_then(|part| number_of(part))
        {
            named.extend((number..last).map(|number| format!("{prefix}-{number:03}")));
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_first_backquoted_word_of_numbered_lines() {
        let ledger = "# T\n\n`X-001` no\n2. `PROC-002` Given `PROC-009`\n12. `GS-012` when\n3. `not an id`\n";
        assert_eq!(ids(ledger), ["PROC-002", "GS-012"]);
    }

    #[test]
    fn tests_are_found_by_their_names() {
        let source = "async fn proc_002_order_is_kept() {}\nfn gs_12_short() {}\nfn helper_one() {}\nfn tmr_001_x() {}";
        assert_eq!(tests_in(source).collect::<Vec<_>>(), ["PROC-002", "TMR-001"]);
    }

    #[test]
    fn differences_may_be_ranges() {
        let named = named_in("| names (`PROC-009`, `PROC-076` to `PROC-078`) | `badarg` |");
        assert_eq!(named.into_iter().collect::<Vec<_>>(), ["PROC-009", "PROC-076", "PROC-077", "PROC-078"]);
    }

    #[test]
    fn what_has_neither_is_open() {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let ids = ["A-001", "A-002", "A-003"].map(str::to_owned);
        let count = Count::of(&ids, &set(&["A-001"]), &set(&["A-002"]));
        assert_eq!((count.tested, count.different, count.open), (1, 1, vec!["A-003".to_owned()]));
    }
}
