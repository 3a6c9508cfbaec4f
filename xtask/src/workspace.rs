//! What `cargo metadata` tells about the workspace.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{cargo, stdout};
use crate::version::RustVersion;

/// The member that depends on other actor libraries. Nobody depends on it, so only what is about it builds them.
pub(crate) const BENCH: &str = "otp-bench";

/// The workspace that this program belongs to.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where cargo builds: `target`, unless the environment says otherwise.
    pub(crate) target_dir: PathBuf,
    pub(crate) members: Vec<Member>,
    /// Every other package in `Cargo.lock`.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A crate of the workspace.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) dir: PathBuf,
    pub(crate) rust_version: Option<RustVersion>,
    pub(crate) publishable: bool,
    /// Names of its features, sorted, without `default`.
    pub(crate) features: Vec<String>,
    /// Names of the packages it needs at run time, members and others.
    pub(crate) needs: Vec<String>,
}

/// A package that is no member.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) rust_version: Option<RustVersion>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self, String> {
        // `xtask` is a folder of the workspace, so this finds the workspace from anywhere.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = stdout(cargo("metadata --format-version 1 --all-features").current_dir(root))?;
        let metadata = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
        Self::from_metadata(&metadata)
    }

    fn from_metadata(metadata: &Value) -> Result<Self, String> {
        let member_ids = array(metadata, "workspace_members")?;
        let mut members = Vec::new();
        let mut dependencies = Vec::new();
        for package in array(metadata, "packages")? {
            if member_ids.contains(&package["id"]) {
                members.push(Member::from_metadata(package)?);
            } else {
                dependencies.push(Dependency::from_metadata(package)?);
            }
        }
        Ok(Self {
            root: string(metadata, "workspace_root")?.into(),
            target_dir: string(metadata, "target_directory")?.into(),
            members,
            dependencies,
        })
    }

    /// The members that are published.
    pub(crate) fn publishable(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.publishable)
    }

    /// The members that every change is tested against: all but [`BENCH`].
    pub(crate) fn tested(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.name != BENCH)
    }

    /// `path` as seen from the root, for messages.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

impl Member {
    fn from_metadata(package: &Value) -> Result<Self, String> {
        let manifest: PathBuf = string(package, "manifest_path")?.into();
        let dir = manifest.parent().ok_or("a manifest stands in no folder")?.to_owned();
        let features = package["features"].as_object().ok_or("`features` is no object")?;
        let mut features: Vec<String> = features.keys().filter(|name| *name != "default").cloned().collect();
        features.sort();
        let needs = array(package, "dependencies")?
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| string(dependency, "name"))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            name: string(package, "name")?,
            version: string(package, "version")?,
            dir,
            rust_version: rust_version(package)?,
            // `null` means every registry, a list means those; an empty list is `publish = false`.
            publishable: package["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
            features,
            needs,
        })
    }
}

impl Dependency {
    fn from_metadata(package: &Value) -> Result<Self, String> {
        Ok(Self {
            name: string(package, "name")?,
            version: string(package, "version")?,
            rust_version: rust_version(package)?,
        })
    }
}

fn rust_version(package: &Value) -> Result<Option<RustVersion>, String> {
    package["rust_version"].as_str().map(str::parse).transpose()
}

fn string(value: &Value, key: &str) -> Result<String, String> {
    value[key].as_str().map(str::to_owned).ok_or_else(|| format!("cargo metadata: `{key}` is no string"))
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, String> {
    value[key].as_array().ok_or_else(|| format!("cargo metadata: `{key}` is no array"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "workspace_root": "/w", "target_directory": "/w/target", "workspace_members": ["a"],
        "packages": [
            {"id": "a", "name": "alpha", "version": "0.1.0", "manifest_path": "/w/alpha/Cargo.toml",
             "rust_version": "1.88", "publish": [], "features": {"default": ["y"], "y": [], "x": []},
             "dependencies": [{"name": "beta", "kind": null}, {"name": "gamma", "kind": "dev"}]},
            {"id": "b", "name": "beta", "version": "2.0.0", "rust_version": null}
        ]}"#;

    #[test]
    fn members_are_told_from_dependencies() {
        let metadata = serde_json::from_str(METADATA).expect("JSON");
        let workspace = Workspace::from_metadata(&metadata).expect("complete");
        let [alpha] = workspace.members.as_slice() else { panic!("one member") };
        assert_eq!(alpha.dir, Path::new("/w/alpha"));
        assert_eq!(alpha.features, ["x", "y"]);
        assert_eq!(alpha.needs, ["beta"]);
        assert!(!alpha.publishable);
        let [beta] = workspace.dependencies.as_slice() else { panic!("one dependency") };
        assert_eq!((beta.name.as_str(), beta.rust_version), ("beta", None));
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = Workspace::from_metadata(&Value::Null).expect_err("nothing there");
        assert!(message.contains("workspace_members"), "{message}");
    }
}
