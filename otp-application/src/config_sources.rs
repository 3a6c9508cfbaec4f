//! [`ConfigSources`]: from where the applications of a controller are configured.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::{Config, File, FileFormat, Value};

/// From where a controller takes the configuration of its applications, besides what their specs say.
///
/// Of an application `my-app`, each over the one before:
///
/// 1. the file `my-app.toml` of the current directory, if there is one, or the one that the variable `MY_APP_CONFIG` names,
///    which has to be there;
/// 2. the environment variables `MY_APP_…`: `MY_APP_PORT` is the key `port`, and `MY_APP_DB__POOL` is `pool` of the table
///    `db`. Values are texts, which become what the configuration's type asks for; one that begins with `[` or `{` is read
///    as in TOML: `MY_APP_HOSTS='["a", "b"]'`. Of the applications that are known, which are those that are loaded and what they
///    depend on, a variable belongs to the one with the longest prefix: with `my-app` and `my-app-db`, `MY_APP_DB_POOL` is
///    the key `pool` of `my-app-db`. They are read in the order of their names.
///
/// # Counterpart
///
/// `sys.config` and Elixir's `config/runtime.exs`.
#[derive(Debug, Clone, Default)]
pub struct ConfigSources {
    files: bool,
    directory: Option<PathBuf>,
    variables: Option<BTreeMap<String, String>>,
}

impl ConfigSources {
    /// Neither files nor environment variables: what the specs say is all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The files of the current directory, and the environment variables as they are now.
    #[must_use]
    pub fn standard() -> Self {
        // Variables that are no text cannot be ours.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { files: true, directory: None, variables: Some(std::env::vars_os().filter_map(text).collect()) }
    }

    /// With the files of this directory.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.files = true;
        self.directory = Some(directory.into());
        self
    }

    /// With these environment variables instead of the program's.
    #[must_use]
    pub fn variables<K: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let texts = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.variables = Some(texts.collect());
        self
    }

    pub(crate) const fn reads_variables(&self) -> bool {
        self.variables.is_some()
    }

    /// The file of an application, and whether it has to be there.
    pub(crate) fn file_of(&self, application: &str) -> Option<(PathBuf, bool)> {
        let named =
            self.variables.as_ref().and_then(|all| all.get(&format!("{}_{FILE}", prefix_of(application))));
        if let Some(path) = named {
            return Some((path.into(), true));
        }
        let file = format!("{application}.toml");
        let path =
            self.directory.as_ref().map_or_else(|| file.clone().into(), |directory| directory.join(&file));
        self.files.then_some((path, false))
    }

    /// The environment variables that begin with an application's prefix, in the order of their names.
    pub(crate) fn variables_of(&self, application: &str) -> Vec<Variable> {
        let prefix = prefix_of(application);
        let all = self.variables.iter().flatten();
        let ours = all.filter_map(|(name, text)| Some((name, key_of(name, &prefix)?, text)));
        ours.filter(|(_, key, _)| *key != FILE)
            .map(|(name, key, text)| Variable {
                name: name.clone(),
                key: key.to_lowercase().replace("__", "."),
                value: value(name, text),
            })
            .collect()
    }
}

/// An environment variable that sets a key.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    name: String,
    pub(crate) key: String,
    pub(crate) value: Value,
}

impl Variable {
    /// Whether it is one of the application with this prefix.
    pub(crate) fn is_of(&self, prefix: &str) -> bool {
        key_of(&self.name, prefix).is_some()
    }
}

/// What follows an application's prefix. Two underscores lead into a table of an application with a shorter one.
fn key_of<'a>(variable: &'a str, prefix: &str) -> Option<&'a str> {
    let key = variable.strip_prefix(prefix)?.strip_prefix('_')?;
    (!key.is_empty() && !key.starts_with('_')).then_some(key)
}

/// What follows the prefix in the variable that names the file.
const FILE: &str = "CONFIG";

/// `MY_APP` of `my-app`.
pub(crate) fn prefix_of(application: &str) -> String {
    application.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

fn value(variable: &str, text: &str) -> Value {
    let origin = format!("the environment variable {variable}");
    if text.starts_with(['[', '{'])
        && let Some(parsed) = toml(text)
    {
        return Value::new(Some(&origin), parsed.kind);
    }
    Value::new(Some(&origin), text)
}

fn toml(text: &str) -> Option<Value> {
    let file = File::from_str(&format!("value = {text}"), FileFormat::Toml);
    Config::builder().add_source(file).build().ok()?.get("value").ok()
}
