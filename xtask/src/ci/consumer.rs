//! A project outside the workspace that uses one crate without the facade, from its package.
//!
//! The project is `xtask/consumer/`: a manifest template, a `main.rs`, and what it has to print. It shows
//! what a user gets: files that the package lacks, features that only the workspace turns on, and macros that
//! only work with the facade's paths all fail here.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{self, Command};

use super::StepResult;
use super::package::{archive, pack};
use crate::command::{cargo, run, stdout};
use crate::workspace::{Member, Workspace};

pub(super) fn consumer(workspace: &Workspace) -> StepResult {
    // The `package` step builds the packages; here they only have to be fresh.
    run(pack(workspace).arg("--no-verify"))?;
    let project = env::temp_dir().join(format!("otp-consumer-{}", process::id()));
    if project.exists() {
        fs::remove_dir_all(&project).map_err(|error| format!("{}: {error}", project.display()))?;
    }
    let result = build_and_run(workspace, &project);
    match &result {
        Ok(()) => fs::remove_dir_all(&project).map_err(|error| format!("{}: {error}", project.display()))?,
        Err(_) => eprintln!("the project is left in {}", project.display()),
    }
    Ok(result?)
}

fn build_and_run(workspace: &Workspace, project: &Path) -> Result<(), String> {
    let source = workspace.root.join("xtask/consumer");
    let template = read(&source.join("Cargo.toml.template"))?;
    let packages = closure(workspace, &template);

    let sources = project.join("src");
    fs::create_dir_all(&sources).map_err(|error| format!("{}: {error}", sources.display()))?;
    for member in &packages {
        run(Command::new("tar").arg("-xzf").arg(archive(workspace, member)).arg("-C").arg(project))?;
    }
    write(&project.join("Cargo.toml"), &manifest(&template, &packages))?;
    write(&sources.join("main.rs"), &read(&source.join("main.rs"))?)?;
    // The same versions as the workspace has; cargo drops what the project does not need.
    write(&project.join("Cargo.lock"), &read(&workspace.root.join("Cargo.lock"))?)?;

    let mut program = cargo("run --quiet --target-dir target");
    let printed = stdout(program.current_dir(project))?;
    let expected = read(&source.join("expected-output.txt"))?;
    if printed == expected {
        Ok(())
    } else {
        Err(format!("the consumer printed {printed:?} and not {expected:?}"))
    }
}

/// The published crates whose version the template asks for, and those that they need.
fn closure<'a>(workspace: &'a Workspace, template: &str) -> Vec<&'a Member> {
    let mut names = BTreeSet::new();
    let mut to_visit: Vec<&Member> =
        workspace.publishable().filter(|member| template.contains(&placeholder(member))).collect();
    while let Some(member) = to_visit.pop() {
        if names.insert(member.name.as_str()) {
            to_visit.extend(workspace.publishable().filter(|other| member.needs.contains(&other.name)));
        }
    }
    workspace.publishable().filter(|member| names.contains(member.name.as_str())).collect()
}

/// The template with versions filled in, and with a patch that replaces each crate by its unpacked package.
fn manifest(template: &str, packages: &[&Member]) -> String {
    let mut text = template.to_owned();
    text += "\n[patch.crates-io]\n";
    for member in packages {
        let Member { name, version, .. } = member;
        text = text.replace(&placeholder(member), version);
        text += &format!("{name} = {{ path = \"{name}-{version}\" }}\n");
    }
    text
}

fn placeholder(member: &Member) -> String {
    format!("{{{}}}", member.name)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, needs: &[&str]) -> Member {
        Member {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            dir: name.into(),
            rust_version: None,
            publishable: true,
            features: Vec::new(),
            needs: needs.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn only_what_the_template_needs_is_unpacked() {
        let workspace = Workspace {
            root: "/w".into(),
            target_dir: "/w/target".into(),
            members: vec![
                member("core", &["tokio"]),
                member("server", &["core"]),
                member("kit", &["server"]),
            ],
            dependencies: Vec::new(),
        };
        let template = "[dependencies]\nserver = \"{server}\"\n";
        let packages = closure(&workspace, template);
        assert_eq!(
            manifest(template, &packages),
            "[dependencies]\nserver = \"0.1.0\"\n\n[patch.crates-io]\n\
             core = { path = \"core-0.1.0\" }\nserver = { path = \"server-0.1.0\" }\n"
        );
    }
}
