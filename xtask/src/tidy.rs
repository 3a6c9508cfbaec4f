//! `cargo xtask tidy`: rules that the compiler cannot check. Each finding says how to mend it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::pages;
use crate::version::RustVersion;
use crate::workspace::{Member, Workspace};

pub(crate) fn run(args: &[String]) -> Result<ExitCode, String> {
    if let Some(arg) = args.first() {
        return Err(format!("`tidy` takes no argument, and got `{arg}`"));
    }
    check(&Workspace::load()?)?;
    println!("tidy");
    Ok(ExitCode::SUCCESS)
}

/// Prints every finding; an `Err` counts them.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    let mut findings = check_rust_version(workspace);
    for member in &workspace.members {
        findings.extend(check_manifest(workspace, member)?);
        findings.extend(check_sources(workspace, member)?);
        if member.publishable {
            findings.extend(check_published_files(workspace, member)?);
        }
    }
    findings.extend(pages::check(workspace)?);
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("1 finding".to_owned()),
        count => Err(format!("{count} findings")),
    }
}

/// The workspace must not promise a Rust version that a dependency cannot be built with.
fn check_rust_version(workspace: &Workspace) -> Vec<String> {
    let Some(ours) = workspace.members.iter().filter_map(|member| member.rust_version).min() else {
        return vec!["Cargo.toml: no rust-version: set it in [workspace.package]".to_owned()];
    };
    let too_new = |theirs: Option<RustVersion>| theirs.filter(|&theirs| theirs > ours);
    let finding = |name: &str, version: &str, theirs: RustVersion| {
        format!(
            "Cargo.toml: rust-version is {ours}, but {name} {version} needs {theirs}: \
             raise rust-version, or `cargo update {name} --precise` an older release"
        )
    };
    let dependencies = workspace.dependencies.iter();
    dependencies.filter_map(|d| Some(finding(&d.name, &d.version, too_new(d.rust_version)?))).collect()
}

fn check_manifest(workspace: &Workspace, member: &Member) -> Result<Vec<String>, String> {
    let path = member.dir.join("Cargo.toml");
    let manifest = read(&path)?;
    let path = workspace.relative(&path);
    let mut findings = Vec::new();
    if !inherits_lints(&manifest) {
        findings.push(format!(
            "{path}: the workspace's lints are off: end it with `[lints]`, `workspace = true`"
        ));
    }
    for key in ["edition", "rust-version", "license"] {
        if !inherits(&manifest, key) {
            findings.push(format!("{path}: {key} is not the workspace's: write `{key}.workspace = true`"));
        }
    }
    Ok(findings)
}

fn check_published_files(workspace: &Workspace, member: &Member) -> Result<Vec<String>, String> {
    let mut findings = Vec::new();
    let mut require = |name: &str, remedy: &str| {
        let path = member.dir.join(name);
        let exists = path.exists();
        if !exists {
            findings.push(format!("{}: missing: {remedy}", workspace.relative(&path)));
        }
        exists.then_some(path)
    };
    require("README.md", "write what the crate is for; it is also its crate documentation");
    require("LICENSE-MIT", "link to the file at the root: `ln -s ../LICENSE-MIT`");
    require("LICENSE-APACHE", "link to the file at the root: `ln -s ../LICENSE-APACHE`");
    if let Some(path) = require("CHANGELOG.md", "add it, with a section `## Unreleased`")
        && !has_changelog_entry(&read(&path)?, &member.version)
    {
        let (path, version) = (workspace.relative(&path), &member.version);
        findings
            .push(format!("{path}: nothing on {version}: add a section `## {version}` or `## Unreleased`"));
    }
    Ok(findings)
}

fn check_sources(workspace: &Workspace, member: &Member) -> Result<Vec<String>, String> {
    let mut findings = Vec::new();
    for path in ["src", "tests"]
        .iter()
        .map(|folder| rust_files(&member.dir.join(folder)))
        .collect::<Result<Vec<_>, _>>()?
        .concat()
    {
        let text = read(&path)?;
        let shown = workspace.relative(&path);
        // A crate's page may be its README. An expansion that a test compares with is no module.
        let documented = text.starts_with("//!") || text.starts_with("#![doc = include_str!(");
        if !documented && !path.parent().is_some_and(|folder| folder.ends_with("tests/expanded")) {
            findings.push(format!(
                "{shown}:1: no module documentation: begin with a `//!` line that says what it is"
            ));
        }
        if path.components().any(|part| matches!(part.as_os_str().to_str(), Some("utils" | "utils.rs"))) {
            findings.push(format!("{shown}: a grab bag: name the file after the concept it holds"));
        }
        for line in glob_reexports(&text) {
            findings
                .push(format!("{shown}:{line}: a glob re-export hides the API: name what is re-exported"));
        }
        for line in bare_ignores(&text) {
            findings.push(format!("{shown}:{line}: an ignored test: give the reason, `#[ignore = \"…\"]`"));
        }
    }
    Ok(findings)
}

/// All `.rs` files under `folder`, sorted; none if there is no such folder.
pub(crate) fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        let failed = |error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// True if the manifest has a table `[lints]` with `workspace = true`.
fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .any(|line| without_spaces(line) == "workspace=true")
}

/// True if the manifest has `KEY.workspace = true`.
fn inherits(manifest: &str, key: &str) -> bool {
    manifest.lines().any(|line| without_spaces(line) == format!("{key}.workspace=true"))
}

fn without_spaces(line: &str) -> String {
    line.split_whitespace().collect()
}

/// True if a heading `##` names the version or says "Unreleased", in brackets or not.
fn has_changelog_entry(changelog: &str, version: &str) -> bool {
    let headings = changelog.lines().filter_map(|line| line.strip_prefix("## "));
    headings
        .filter_map(|heading| heading.split_whitespace().next())
        .map(|word| word.trim_matches(['[', ']']))
        .any(|word| word == version || word == "Unreleased")
}

/// The lines, counted from 1, where a `pub use` begins that has a `*` in it.
fn glob_reexports(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_start().starts_with("pub use ") {
            let statement = text[offset..].split(';').next().unwrap_or_default();
            if statement.contains("::*") || statement.contains(" *") {
                found.push(index + 1);
            }
        }
        offset += line.len();
    }
    found
}

/// The lines, counted from 1, that ignore a test without a reason.
fn bare_ignores(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("#[ignore]"));
    lines.map(|(index, _)| index + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    #[test]
    fn inherited_keys_are_found() {
        let manifest = "[package]\nrust-version.workspace = true\nlicense = \"MIT\"\n";
        assert!(inherits(manifest, "rust-version"));
        assert!(!inherits(manifest, "license"));
        assert!(!inherits(manifest, "version"));
    }

    #[test]
    fn lints_count_only_in_their_table() {
        assert!(inherits_lints("[package]\n\n[lints]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints]\n\n[dependencies]\nworkspace = true\n"));
        assert!(!inherits_lints("[package]\nworkspace = true\n"));
    }

    #[test]
    fn a_changelog_names_the_version_in_a_heading() {
        for changelog in ["## 0.1.0\n", "## [0.1.0] - 2026-01-01\n", "## Unreleased\n", "## [Unreleased]\n"] {
            assert!(has_changelog_entry(changelog, "0.1.0"), "{changelog}");
        }
        for changelog in ["", "0.1.0\n", "## 0.1.01\n", "## 0.0.9\nbefore 0.1.0\n"] {
            assert!(!has_changelog_entry(changelog, "0.1.0"), "{changelog}");
        }
    }

    #[test]
    fn a_glob_is_found_in_a_statement_of_any_shape() {
        assert_eq!(glob_reexports("//! Doc.\npub use a::*;\n"), [2]);
        assert_eq!(glob_reexports("    pub use a::{\n        b,\n        c::*,\n    };\n"), [1]);
        assert_eq!(glob_reexports("pub use a::{b, *};\n"), [1]);
        assert_eq!(glob_reexports("pub use a::b;\nuse c::*;\n/// pub use d::*;\n"), [0; 0]);
    }

    #[test]
    fn only_an_ignore_without_a_reason_is_found() {
        assert_eq!(bare_ignores("#[test]\n#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\n"), [2]);
    }

    #[test]
    fn a_dependency_that_needs_a_newer_rust_is_named() {
        let dependency = |name: &str, version: &str| Dependency {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            rust_version: version.parse().ok(),
        };
        let member = Member {
            name: "a".to_owned(),
            version: "0.1.0".to_owned(),
            dir: "/w/a".into(),
            rust_version: "1.88".parse().ok(),
            publishable: true,
            features: Vec::new(),
            needs: Vec::new(),
        };
        let workspace = Workspace {
            root: "/w".into(),
            target_dir: "/w/target".into(),
            members: vec![member],
            dependencies: vec![
                dependency("old", "1.9"),
                dependency("same", "1.88.0"),
                dependency("new", "1.100"),
                dependency("unknown", ""),
            ],
        };
        let findings = check_rust_version(&workspace);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains("new 1.2.3 needs 1.100.0"), "{findings:?}");
    }
}
