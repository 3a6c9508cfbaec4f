//! The pages of documentation hang together: links to files lead to files, and each chapter of the guide is read by
//! people and by the compiler.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tidy::read;
use crate::workspace::Workspace;

/// Links by which published pages lead to files of this repository.
const REPOSITORY: &str = "https://github.com/otp-rs/otp/blob/main/";

const CHAPTERS: &str = "docs/guide/src";

/// One finding for each broken link and each chapter that is left out.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>, String> {
    let root = &workspace.root;
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md"), root.join("ARCHITECTURE.md")];
    pages.extend(
        workspace.members.iter().map(|member| member.dir.join("README.md")).filter(|page| page.exists()),
    );
    for folder in ["docs", CHAPTERS] {
        pages.extend(markdown_files(&root.join(folder))?);
    }
    let mut findings = Vec::new();
    for page in pages {
        let text = read(&page)?;
        let folder = page.parent().unwrap_or(root);
        let broken = links(&text)
            .into_iter()
            .filter(|link| file_of(link, root, folder).is_some_and(|file| !file.exists()));
        findings.extend(
            broken.map(|link| format!("{}: the link `{link}` leads to no file", workspace.relative(&page))),
        );
    }
    findings.extend(check_chapters(root)?);
    Ok(findings)
}

fn check_chapters(root: &Path) -> Result<Vec<String>, String> {
    let summary = read(&root.join(CHAPTERS).join("SUMMARY.md"))?;
    let compiled = read(&root.join("otp-kit/src/guide.rs"))?;
    let mut findings = Vec::new();
    for chapter in markdown_files(&root.join(CHAPTERS))? {
        let name = chapter.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "SUMMARY.md" {
            continue;
        }
        if !summary.contains(&format!("({name})")) {
            findings.push(format!("{CHAPTERS}/{name}: not in SUMMARY.md: nobody will find it"));
        }
        if !compiled.contains(&format!("/{CHAPTERS}/{name}\"")) {
            findings
                .push(format!("{CHAPTERS}/{name}: not in otp-kit/src/guide.rs: its code is not compiled"));
        }
    }
    Ok(findings)
}

/// Those of `folder` itself, sorted.
fn markdown_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The targets of all links outside code blocks.
fn links(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if !in_code {
            found.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
        }
    }
    found
}

/// The file that a link of a page in `folder` leads to; `None` for other sites and for items of rustdoc.
fn file_of(link: &str, root: &Path, folder: &Path) -> Option<PathBuf> {
    let path = link.split('#').next().unwrap_or_default();
    if let Some(path) = path.strip_prefix(REPOSITORY) {
        return Some(root.join(path));
    }
    let is_path = !path.contains("://") && !path.contains("::") && path.contains(['/', '.']);
    is_path.then(|| folder.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_code() {
        let text = "[a](a.md) and [b](b.md#c)\n```rust\nlet x = f[0](c.md);\n```\n[d](d.md)\n";
        assert_eq!(links(text), ["a.md", "b.md#c", "d.md"]);
    }

    #[test]
    fn only_files_of_this_repository_are_looked_for() {
        let file = |link| file_of(link, Path::new("/r"), Path::new("/r/docs"));
        assert_eq!(file("a.md#b"), Some("/r/docs/a.md".into()));
        assert_eq!(file("../x/y.rs"), Some("/r/docs/../x/y.rs".into()));
        assert_eq!(file("https://github.com/otp-rs/otp/blob/main/docs/a.md"), Some("/r/docs/a.md".into()));
        for other in ["https://nexte.st", "GenServer::format_state", "#here", "Start"] {
            assert_eq!(file(other), None, "{other}");
        }
    }
}
