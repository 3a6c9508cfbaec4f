//! [`ConfigCache`]: settings that every request reads and hardly anyone changes. The classic example of a table.
//!
//! The server owns the table and alone writes to it; readers look into it themselves, and wait for nobody. When the server
//! dies the table goes with it, and the next one begins with the defaults.

use std::collections::BTreeMap;
use std::sync::Arc;

use otp::ets::{AccessError, WhereisError};
use otp::{ExitReason, InitError, Name, Set, gen_server};

/// The settings of this application.
pub(crate) const CONFIG: Name<ConfigCache> = Name::new("config");

/// The table has the name of its owner.
const TABLE: &str = "config";

/// What a fresh server begins with.
const DEFAULTS: [(&str, &str); 3] =
    [("title", "my-app"), ("motto", "processes are for infrastructure"), ("maintenance", "off")];

type Settings = Set<String, Arc<str>>;

/// The server.
#[derive(Debug)]
pub(crate) struct ConfigCache {
    settings: Settings,
}

#[gen_server(vis = pub(crate))]
impl ConfigCache {
    fn init() -> Result<Self, InitError> {
        let settings = Set::builder().name(TABLE).create()?;
        settings.insert_all(defaults())?;
        Ok(Self { settings })
    }

    #[call]
    fn set(&mut self, name: String, value: Arc<str>) -> Result<(), ExitReason> {
        Ok(self.settings.insert(name, value)?)
    }

    /// Whether there was such a setting.
    #[call]
    fn unset(&mut self, name: String) -> Result<bool, ExitReason> {
        Ok(self.settings.delete(&name)?)
    }
}

fn defaults() -> impl Iterator<Item = (String, Arc<str>)> {
    DEFAULTS.into_iter().map(|(name, value)| (name.to_owned(), value.into()))
}

/// The server does not run, and so there are no settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoConfig;

impl From<WhereisError> for NoConfig {
    fn from(_: WhereisError) -> Self {
        Self
    }
}

impl From<AccessError> for NoConfig {
    fn from(_: AccessError) -> Self {
        Self
    }
}

/// A setting, read where the caller stands.
pub(crate) fn get(name: &str) -> Result<Option<Arc<str>>, NoConfig> {
    Ok(Settings::whereis(TABLE)?.lookup(name)?)
}

/// All settings, as they are at one moment.
pub(crate) fn all() -> Result<BTreeMap<String, String>, NoConfig> {
    let settings = Settings::whereis(TABLE)?.to_vec()?;
    Ok(settings.into_iter().map(|(name, value)| (name, String::from(&*value))).collect())
}

#[cfg(test)]
mod tests {
    use otp::{GenServer, process};

    use super::*;

    #[otp::test]
    async fn everyone_reads_and_the_server_writes() {
        assert_eq!(get("motto"), Err(NoConfig));
        let config = <ConfigCache as GenServer>::start(()).await.unwrap();
        assert_eq!(get("title"), Ok(Some("my-app".into())));
        config.set("title".into(), "ours".into()).await.unwrap();
        assert_eq!(get("title"), Ok(Some("ours".into())));
        assert_eq!(config.unset("title".into()).await, Ok(true));
        assert_eq!(config.unset("title".into()).await, Ok(false));
        assert_eq!(get("title"), Ok(None));
        assert_eq!(all().unwrap().into_keys().collect::<Vec<_>>(), ["maintenance", "motto"]);
        let table = Settings::whereis(TABLE).unwrap();
        assert_eq!(table.insert("title".into(), "mine".into()), Err(AccessError::Denied));

        process::send_exit(config.pid(), ExitReason::Kill);
        while config.is_alive() {
            tokio::task::yield_now().await;
        }
        assert_eq!(get("motto"), Err(NoConfig));
        assert_eq!(table.lookup("motto"), Err(AccessError::Gone));
    }
}
