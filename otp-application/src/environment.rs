//! The environment of one application: a tree of values, each of which knows where it came from.

use std::any::Any;

use config::{ConfigError as Fault, File, FileFormat, Map, Source, Value, ValueKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config_error::ConfigError;
use crate::config_sources::{ConfigSources, prefix_of};

/// A value for a key, given by code: what became of it when it was made a value.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    key: String,
    value: Result<Value, String>,
}

impl Given {
    pub(crate) fn new<T: Serialize>(key: impl Into<String>, value: T) -> Self {
        #[derive(Serialize)]
        struct Holder<T> {
            value: T,
        }
        let value = config::Config::try_from(&Holder { value })
            .map(|holder| match holder.cache.kind {
                ValueKind::Table(mut table) => {
                    table.remove("value").unwrap_or_else(|| Value::new(None, ValueKind::Nil))
                }
                _ => Value::new(None, ValueKind::Nil),
            })
            .map_err(|fault| fault.to_string());
        Self { key: key.into(), value }
    }

    pub(crate) fn is_for(&self, key: &str) -> bool {
        self.key == key
    }
}

/// What an application is configured with.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    application: String,
    root: Value,
    /// What to tell those whose key is missing: where it can stand.
    places: Option<String>,
}

impl Environment {
    pub(crate) fn new(application: &str) -> Self {
        Self {
            application: application.to_owned(),
            root: Value::new(None, Map::<String, Value>::new()),
            places: None,
        }
    }

    /// Adds what the sources say of this application, over what there is.
    pub(crate) fn read(&mut self, sources: &ConfigSources) -> Result<(), ConfigError> {
        let prefix = prefix_of(&self.application);
        if let Some((path, required)) = sources.file_of(&self.application) {
            self.places = Some(path.display().to_string());
            let file = File::from(path.as_path()).format(FileFormat::Toml).required(required);
            self.merge(&file)?;
        }
        let variables = sources.variables_of(&self.application);
        if sources.reads_variables() {
            let place = format!("as {prefix}_…");
            self.places =
                Some(self.places.take().map_or_else(|| place.clone(), |file| format!("{file}, or {place}")));
        }
        self.merge(&Entries(variables))
    }

    pub(crate) fn put(&mut self, given: &Given) -> Result<(), ConfigError> {
        let value = given.value.clone().map_err(|message| {
            ConfigError::new(&self.application, message).of_key(Some(given.key.clone()), None)
        })?;
        // In place of what is there, and not beside its parts.
        self.remove(&given.key);
        self.merge(&Entries(vec![(given.key.clone(), value)]))
    }

    fn merge(&mut self, source: &dyn Source) -> Result<(), ConfigError> {
        source.collect_to(&mut self.root).map_err(|fault| self.error(fault, None))
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
        let (path, last) = key.rsplit_once('.').map_or((None, key), |(path, last)| (Some(path), last));
        let mut table = Some(&mut self.root);
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
            Fault::FileParse { uri, cause } => (None, uri, cause.to_string().trim_end().to_owned()),
            other => (full(None), None, other.to_string()),
        };
        // The library does not know the origin of a number that is too large.
        let origin = origin.or_else(|| self.find(key.as_deref()?)?.origin().map(str::to_owned));
        ConfigError::new(&self.application, message).of_key(key, origin)
    }
}

/// Values for keys, as a source.
#[derive(Debug, Clone)]
struct Entries(Vec<(String, Value)>);

impl Source for Entries {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, Fault> {
        Ok(self.0.iter().cloned().collect())
    }
}
