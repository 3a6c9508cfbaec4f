//! What would be uploaded: each published crate as a `.crate` file.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::StepResult;
use crate::command::{cargo, run, stdout};
use crate::workspace::{Member, Workspace};

/// What every package has to hold besides the code.
const MUST_HOLD: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"];

/// Packs each published crate, builds it from its package, and looks for [`MUST_HOLD`].
pub(super) fn package(workspace: &Workspace) -> StepResult {
    forget_earlier(workspace)?;
    run(&mut pack(workspace))?;
    let mut missing = Vec::new();
    for member in workspace.publishable() {
        let list = stdout(Command::new("tar").arg("-tzf").arg(archive(workspace, member)))?;
        let Member { name, version, .. } = member;
        missing.extend(lacks(&list, &format!("{name}-{version}")).map(|file| format!("{name} lacks {file}")));
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n").into()) }
}

/// Removes what an earlier run unpacked: cargo takes a crate of the same version and place for the same crate, and would
/// build the dependants against that one.
fn forget_earlier(workspace: &Workspace) -> Result<(), String> {
    let Some(home) = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
    else {
        return Ok(());
    };
    let Ok(places) = fs::read_dir(home.join("registry").join("src")) else { return Ok(()) };
    for place in places.flatten() {
        for Member { name, version, .. } in workspace.publishable() {
            let unpacked = place.path().join(format!("{name}-{version}"));
            if unpacked.exists() {
                fs::remove_dir_all(&unpacked)
                    .map_err(|error| format!("cannot remove {}: {error}", unpacked.display()))?;
            }
        }
    }
    Ok(())
}

/// The command that packs all published crates. It packs them in one go, because then cargo lets them find
/// each other although none of them is on crates.io yet.
pub(super) fn pack(workspace: &Workspace) -> Command {
    // Cargo notes in the package whether the tree had changes. To refuse them would hinder a run before a
    // commit.
    let mut command = cargo("package --allow-dirty");
    for member in workspace.publishable() {
        command.arg("--package").arg(&member.name);
    }
    command
}

/// Where [`pack`] puts a crate.
pub(super) fn archive(workspace: &Workspace, member: &Member) -> PathBuf {
    workspace.target_dir.join("package").join(format!("{}-{}.crate", member.name, member.version))
}

/// The files of [`MUST_HOLD`] that `list`, the output of `tar -t`, does not name in `folder`.
fn lacks(list: &str, folder: &str) -> impl Iterator<Item = &'static str> {
    MUST_HOLD.iter().copied().filter(move |file| !list.lines().any(|line| line == format!("{folder}/{file}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_only_at_the_top_of_the_package() {
        let list = "a-0.1.0/LICENSE-MIT\na-0.1.0/README.md\na-0.1.0/docs/CHANGELOG.md\n";
        assert_eq!(lacks(list, "a-0.1.0").collect::<Vec<_>>(), ["LICENSE-APACHE", "CHANGELOG.md"]);
    }
}
