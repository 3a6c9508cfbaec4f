//! `cargo xtask compare`: the same three programs here and elsewhere, by number of lines.
//!
//! A line counts if it is not blank and not a comment alone. The table stands in `docs/compare.md`, between two marks, and
//! `cargo xtask ci compare` fails if it is out of date or one of ours has grown too long.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::tidy::read;
use crate::workspace::Workspace;

/// A program: what it is called, how many lines ours may have, and the file of ours under `otp-kit/examples`.
struct Program {
    name: &'static str,
    most: usize,
    ours: &'static str,
    /// Its file under `docs/compare/LIBRARY`, without the extension.
    theirs: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program { name: "a counter", most: 25, ours: "counter", theirs: "counter" },
    Program { name: "a supervised cache", most: 45, ours: "ttl_cache", theirs: "cache" },
    Program { name: "a supervised tree of three", most: 60, ours: "supervision_tree", theirs: "tree" },
];

/// Folder under `docs/compare`, and the extension of its files.
const LIBRARIES: &[(&str, &str)] = &[("kameo", "rs"), ("ractor", "rs"), ("actix", "rs"), ("elixir", "exs")];

const BEGIN: &str = "<!-- begin: cargo xtask compare --write -->\n";
const END: &str = "<!-- end -->\n";

pub(crate) fn run(args: &[String]) -> Result<ExitCode, String> {
    let workspace = Workspace::load()?;
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => print!("{}", table(&workspace)?),
        ["--write"] => write(&workspace)?,
        _ => {
            return Err("`compare` takes no argument but --write, which puts the table into docs/compare.md"
                .to_owned());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails if ours are too long or the page says something else.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    for Program { most, ours, .. } in PROGRAMS {
        let path = our_path(workspace, ours);
        let lines = count(&read(&path)?);
        if lines > *most {
            return Err(format!("{}: {lines} lines, and {most} is the most", workspace.relative(&path)));
        }
    }
    let page = read(&page_path(workspace))?;
    if page == with_table(&page, &table(workspace)?)? {
        return Ok(());
    }
    Err("docs/compare.md is out of date: run `cargo xtask compare --write`".to_owned())
}

/// The programs in Elixir.
pub(crate) fn elixir_sources(workspace: &Workspace) -> impl Iterator<Item = PathBuf> {
    PROGRAMS.iter().map(|program| their_path(workspace, program.theirs, ("elixir", "exs")))
}

fn write(workspace: &Workspace) -> Result<(), String> {
    let path = page_path(workspace);
    let page = with_table(&read(&path)?, &table(workspace)?)?;
    fs::write(&path, page).map_err(|error| format!("{}: {error}", path.display()))
}

fn table(workspace: &Workspace) -> Result<String, String> {
    let mut text = String::from("| lines | ours |");
    text.extend(LIBRARIES.iter().map(|(library, _)| format!(" {library} |")));
    text += &format!("\n|---|{}\n", "--:|".repeat(LIBRARIES.len() + 1));
    for Program { name, ours, theirs, .. } in PROGRAMS {
        text += &format!(
            "| {name} | [{}](../otp-kit/examples/{ours}.rs) |",
            count(&read(&our_path(workspace, ours))?)
        );
        for library in LIBRARIES {
            let lines = count(&read(&their_path(workspace, theirs, *library))?);
            let (folder, extension) = library;
            text += &format!(" [{lines}](compare/{folder}/{theirs}.{extension}) |");
        }
        text += "\n";
    }
    Ok(text)
}

fn page_path(workspace: &Workspace) -> PathBuf {
    workspace.root.join("docs/compare.md")
}

fn our_path(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.root.join("otp-kit/examples").join(name).with_extension("rs")
}

fn their_path(workspace: &Workspace, name: &str, (folder, extension): (&str, &str)) -> PathBuf {
    workspace.root.join(Path::new("docs/compare")).join(folder).join(name).with_extension(extension)
}

/// The page, with `table` between the marks.
fn with_table(page: &str, table: &str) -> Result<String, String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("docs/compare.md lacks the lines {BEGIN}and {END}"))?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

/// The lines that are neither blank nor a comment alone.
fn count(source: &str) -> usize {
    let lines = source.lines().map(str::trim);
    lines
        .filter(|line| !(line.is_empty() || line.starts_with("//") || line.starts_with("# ") || *line == "#"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_and_comments_do_not_count() {
        assert_eq!(count("//! Doc.\n\nfn main() { // start\n    // nothing\n}\n"), 2);
        assert_eq!(count("# A comment.\n#\nIO.puts(1)\n\n"), 1);
        assert_eq!(count("#[gen_server]\n"), 1);
    }

    #[test]
    fn the_table_is_put_between_two_marks() {
        let page = |table| format!("a\n{BEGIN}{table}{END}b\n");
        assert_eq!(with_table(&page(""), "| 1 |\n"), Ok(page("| 1 |\n")));
        assert_eq!(with_table(&page("| 1 |\n"), "| 2 |\n"), Ok(page("| 2 |\n")));
        assert!(with_table("a\n", "| 1 |\n").is_err());
    }
}
