//! The feature matrix: each crate with no feature, with each one alone, and with all.

use super::StepResult;
use crate::command::{cargo, run};
use crate::workspace::Workspace;

/// Uses clippy, because it can refuse warnings without `RUSTFLAGS`, which would rebuild every dependency.
///
/// Only the library or binary is built, since the features that dev-dependencies ask for would hide what the
/// crate itself forgot to ask for. Tests are built with no feature; `clippy` and `alone` build them with all
/// and with the default ones.
pub(super) fn features(workspace: &Workspace) -> StepResult {
    let mut failures = Vec::new();
    let mut check = |name: &str, words: &str| {
        let words = format!("clippy --package {name} --no-default-features {words} -- -D warnings");
        failures.extend(run(&mut cargo(&words)).err());
    };
    for member in workspace.tested() {
        for features in matrix(&member.features) {
            check(&member.name, &format!("--features={}", features.join(",")));
        }
        check(&member.name, "--tests");
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// The sets of features to build with.
fn matrix(features: &[String]) -> Vec<&[String]> {
    let mut sets = vec![[].as_slice()];
    sets.extend(features.chunks(1));
    if features.len() > 1 {
        sets.push(features);
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_each_and_all() {
        let features = ["a".to_owned(), "b".to_owned()];
        let sets: Vec<String> = matrix(&features).iter().map(|set| set.join(",")).collect();
        assert_eq!(sets, ["", "a", "b", "a,b"]);
    }

    #[test]
    fn no_set_is_built_twice() {
        assert_eq!(matrix(&[]).len(), 1);
        assert_eq!(matrix(&["a".to_owned()]).len(), 2);
    }
}
