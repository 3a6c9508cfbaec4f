//! The environment of one application: a tree of values, each of which knows where it came from.

use std::any::Any;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use config::{ConfigError as Fault, FileFormat, Format, Map, Value, ValueKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config_error::ConfigError;
use crate::config_sources::{ConfigSources, Variable, prefix_of};
use crate::to_value::to_value;

/// A value for a key, given by code: what became of it when it was made a value.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    key: String,
    value: Result<Value, String>,
}

impl Given {
    pub(crate) fn new<T: Serialize>(key: impl Into<String>, value: T) -> Self {
        let value = to_value(&value).map_err(|fault| fault.to_string());
        Self { key: key.into(), value }
    }

    pub(crate) fn is_for(&self, key: &str) -> bool {
        self.key == key
    }
}

/// What an environment is made of: each over the one before.
#[derive(Debug, Clone)]
struct Layers {
    /// The defaults of the spec, and the file.
    base: Value,
    /// All variables that begin with the application's prefix, in the order of their names.
    variables: Vec<Variable>,
    /// What code has set (or removed) since, the last one for each key.
    changes: Vec<(String, Option<Value>)>,
}

/// What an application is configured with.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    application: String,
    layers: Arc<Layers>,
    /// The layers together.
    root: Value,
    /// What to tell those whose key is missing: where it can stand.
    places: Option<String>,
}

impl Environment {
    pub(crate) fn new(application: &str) -> Self {
        let base = Value::new(None, Map::<String, Value>::new());
        let root = base.clone();
        let layers = Arc::new(Layers { base, variables: Vec::new(), changes: Vec::new() });
        Self { application: application.to_owned(), layers, root, places: None }
    }

    /// Adds what the sources say of this application, over what there is, which are its defaults. The variables count once
    /// the environment is [refreshed](Self::refresh).
    pub(crate) fn read(&mut self, sources: &ConfigSources) -> Result<(), ConfigError> {
        let prefix = prefix_of(&self.application);
        if let Some((path, required)) = sources.file_of(&self.application) {
            self.places = Some(path.display().to_string());
            if let Some(values) = self.read_file(&path, required)? {
                merge(&mut self.root, values);
            }
        }
        let (base, variables) = (self.root.clone(), sources.variables_of(&self.application));
        self.layers = Arc::new(Layers { base, variables, changes: Vec::new() });
        if sources.reads_variables() {
            let place = format!("as {prefix}_…");
            self.places =
                Some(self.places.take().map_or_else(|| place.clone(), |file| format!("{file}, or {place}")));
        }
        Ok(())
    }

    /// Puts the layers together anew, without the variables that belong to one of these applications rather than to this
    /// one: the longest prefix counts.
    pub(crate) fn refresh<'a>(&mut self, known: impl IntoIterator<Item = &'a str>) {
        let own = prefix_of(&self.application);
        let longer: Vec<_> = known.into_iter().map(prefix_of).filter(|it| it.len() > own.len()).collect();
        let layers = Arc::clone(&self.layers);
        self.root.clone_from(&layers.base);
        let ours = |variable: &&Variable| !longer.iter().any(|prefix| variable.is_of(prefix));
        for variable in layers.variables.iter().filter(ours) {
            insert(&mut self.root, &variable.key, variable.value.clone());
        }
        for (key, value) in &layers.changes {
            set(&mut self.root, key, value.clone());
        }
    }

    /// What stands in a file; `None` if there is none, and none has to be there.
    fn read_file(&self, path: &Path, required: bool) -> Result<Option<Value>, ConfigError> {
        let place = path.display().to_string();
        let wrong =
            |message: String| ConfigError::new(&self.application, message).of_key(None, Some(place.clone()));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !required => return Ok(None),
            Err(error) => return Err(wrong(format!("the file cannot be read: {error}"))),
        };
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        match FileFormat::Toml.parse(Some(&place), text) {
            Ok(values) => Ok(Some(Value::new(None, values))),
            Err(cause) => Err(wrong(cause.to_string().trim_end().to_owned())),
        }
    }

    pub(crate) fn put(&mut self, given: &Given) -> Result<(), ConfigError> {
        let value = given.value.clone().map_err(|message| {
            ConfigError::new(&self.application, message).of_key(Some(given.key.clone()), None)
        })?;
        self.change(&given.key, Some(value));
        Ok(())
    }

    /// The value of a key, if there is one.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ConfigError> {
        match self.find(key) {
            None => Ok(None),
            Some(value) => {
                T::deserialize(value.clone()).map(Some).map_err(|fault| self.error(fault, Some(key)))
            }
        }
    }

    /// All of it, as one value.
    pub(crate) fn all<T: DeserializeOwned + 'static>(&self) -> Result<T, ConfigError> {
        // An application without configuration has `()`, which is no table.
        if let Some(nothing) = (&mut Some(()) as &mut dyn Any).downcast_mut::<Option<T>>()
            && let Some(nothing) = nothing.take()
        {
            return Ok(nothing);
        }
        T::deserialize(self.root.clone()).map_err(|fault| self.error(fault, None))
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.change(key, None);
    }

    fn change(&mut self, key: &str, value: Option<Value>) {
        set(&mut self.root, key, value.clone());
        let changes = &mut Arc::make_mut(&mut self.layers).changes;
        // What was said of the key, and of what is in it, says nothing any more.
        changes.retain(|(old, _)| {
            !old.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        changes.push((key.to_owned(), value));
    }

    fn find(&self, key: &str) -> Option<&Value> {
        key.split('.').try_fold(&self.root, |value, part| match &value.kind {
            ValueKind::Table(table) => table.get(part),
            _ => None,
        })
    }

    /// Says what is wrong in our words; `within` is the key whose value was read.
    fn error(&self, fault: Fault, within: Option<&str>) -> ConfigError {
        let full = |key: Option<String>| match (within, key) {
            (Some(within), Some(key)) => Some(format!("{within}.{key}")),
            (Some(within), None) => Some(within.to_owned()),
            (None, key) => key,
        };
        let (key, origin, message) = match fault {
            Fault::NotFound(key) => {
                let hint =
                    self.places.as_ref().map_or_else(String::new, |places| format!(": set it in {places}"));
                (full(Some(key)), None, format!("is missing{hint}"))
            }
            Fault::Type { origin, unexpected, expected, key } => {
                (full(key), origin, format!("invalid value: {unexpected}, expected {expected}"))
            }
            Fault::At { error, origin, key } => (full(key), origin, error.to_string()),
            other => (full(None), None, other.to_string()),
        };
        // The library does not know the origin of a number that is too large.
        let origin = origin.or_else(|| self.find(key.as_deref()?)?.origin().map(str::to_owned));
        ConfigError::new(&self.application, message).of_key(key, origin)
    }
}

/// Sets the value of a key in place of what is there, and not beside its parts; or removes it.
fn set(root: &mut Value, key: &str, value: Option<Value>) {
    remove(root, key);
    if let Some(value) = value {
        insert(root, key, value);
    }
}

fn remove(root: &mut Value, key: &str) {
    let (path, last) = key.rsplit_once('.').map_or((None, key), |(path, last)| (Some(path), last));
    let mut table = Some(root);
    for part in path.into_iter().flat_map(|path| path.split('.')) {
        table = table.and_then(|value| match &mut value.kind {
            ValueKind::Table(table) => table.get_mut(part),
            _ => None,
        });
    }
    if let Some(ValueKind::Table(table)) = table.map(|value| &mut value.kind) {
        table.remove(last);
    }
}

/// Adds the value of a key, whose parts lead into tables; a table is added to the one that is there.
fn insert(root: &mut Value, key: &str, value: Value) {
    let place = key.split('.').fold(root, |at, part| table(at).entry(part.to_owned()).or_default());
    merge(place, value);
}

fn merge(into: &mut Value, value: Value) {
    match value {
        Value { kind: ValueKind::Table(entries), .. } => {
            let table = table(into);
            for (key, value) in entries {
                merge(table.entry(key).or_default(), value);
            }
        }
        value => *into = value,
    }
}

/// The table that this is, or is from now on.
fn table(value: &mut Value) -> &mut Map<String, Value> {
    if !matches!(value.kind, ValueKind::Table(_)) {
        *value = Value::new(None, Map::<String, Value>::new());
    }
    match &mut value.kind {
        ValueKind::Table(table) => table,
        _ => unreachable!("it was made one"),
    }
}
