//! Configuration from files and environment variables, and what is said of a wrong one.

use std::fs;
use std::path::PathBuf;

use otp_application::{AppSpec, ConfigError, ConfigSources, Controller, Dependency, LoadError};
use serde::Deserialize;

#[derive(Debug, PartialEq, Deserialize)]
struct Config {
    #[serde(default = "port")]
    port: u16,
    name: String,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    debug: bool,
    db: Option<Database>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Database {
    url: String,
    #[serde(default)]
    pool: u8,
}

fn port() -> u16 {
    4000
}

/// A directory of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("otp-application-{}-{test}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    fn write(&self, file: &str, text: &str) -> &Self {
        fs::write(self.0.join(file), text).expect("a file can be written");
        self
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn load(sources: ConfigSources, spec: AppSpec) -> Result<Config, ConfigError> {
    let controller = Controller::with_sources(sources);
    match controller.load(spec) {
        Ok(()) => controller.get_all_env("my-app").map(|config| config.expect("it is loaded")),
        Err(LoadError::Config(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

fn my_app() -> AppSpec {
    AppSpec::library("my-app").env("name", "by default")
}

fn variables<const N: usize>(variables: [(&str, &str); N]) -> ConfigSources {
    ConfigSources::none().variables(variables)
}

#[test]
fn each_source_goes_before_the_one_below() {
    let folder = Folder::new("layers");
    folder.write("my-app.toml", "port = 1\nname = 'of the file'\n[db]\nurl = 'x'\npool = 1");
    let files = ConfigSources::none().directory(&folder.0);
    let config = load(files.clone(), my_app()).unwrap();
    assert_eq!((config.port, &*config.name), (1, "of the file"));

    let both = files.variables([
        ("MY_APP_PORT", "2"),
        ("MY_APP_DB__POOL", "2"),
        ("OTHER_PORT", "9"),
        ("MY_APP_", ""),
    ]);
    let config = load(both.clone(), my_app()).unwrap();
    assert_eq!((config.port, &*config.name), (2, "of the file"));
    assert_eq!(config.db, Some(Database { url: "x".to_owned(), pool: 2 }), "tables are merged");

    let config = load(both, my_app().config("port", 3)).unwrap();
    assert_eq!(config.port, 3);

    let config = load(ConfigSources::none(), my_app()).unwrap();
    assert_eq!((config.port, &*config.name), (4000, "by default"));
}

#[test]
fn a_variable_names_the_file_which_has_to_be_there() {
    let folder = Folder::new("named");
    folder.write("other.toml", "port = 7").write("my-app.toml", "port = 8");
    let path = folder.0.join("other.toml");
    let sources =
        |path: &str| ConfigSources::none().directory(&folder.0).variables([("MY_APP_CONFIG", path)]);
    assert_eq!(load(sources(path.to_str().unwrap()), my_app()).unwrap().port, 7);
    let missing = folder.0.join("missing.toml");
    let error = load(sources(missing.to_str().unwrap()), my_app()).unwrap_err().to_string();
    assert!(error.starts_with("configuration of my-app: ") && error.contains("missing.toml"), "{error}");
}

#[test]
fn a_file_that_is_there_but_cannot_be_read_is_an_error_that_names_it() {
    let folder = Folder::new("unreadable");
    let sources = ConfigSources::none().directory(&folder.0);
    let refused = || {
        let error = load(sources.clone(), my_app()).unwrap_err();
        let path = folder.0.join("my-app.toml").display().to_string();
        assert_eq!((error.key(), error.origin()), (None, Some(&*path)), "{error}");
        error.to_string()
    };
    let file = folder.0.join("my-app.toml");
    fs::create_dir(&file).unwrap();
    let told = refused();
    assert!(told.starts_with("configuration of my-app: the file cannot be read: "), "{told}");
    fs::remove_dir(&file).unwrap();
    fs::write(&file, b"name = '\xff'").unwrap();
    assert!(refused().contains("UTF-8"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::write(&file, "name = 'x'").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser may read everything.
        if fs::read(&file).is_err() {
            assert!(refused().contains("ermission"));
        }
    }
}

#[test]
fn a_file_may_begin_with_a_byte_order_mark_and_its_keys_hold_dots() {
    let folder = Folder::new("marks");
    folder.write("my-app.toml", "\u{feff}name = 'x'\n'a.b' = 1");
    let controller = Controller::with_sources(ConfigSources::none().directory(&folder.0));
    controller.load(my_app()).unwrap();
    let all =
        controller.get_all_env::<std::collections::BTreeMap<String, String>>("my-app").unwrap().unwrap();
    assert_eq!(
        all,
        [("name", "x"), ("a.b", "1")].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    );
}

#[test]
fn variables_become_what_the_type_asks_for() {
    let texts = [
        ("MY_APP_NAME", "00123"),
        ("MY_APP_DEBUG", "true"),
        ("MY_APP_HOSTS", "['a', 'b']"),
        ("MY_APP_DB__URL", "[no list"),
    ];
    let config = load(variables(texts), my_app()).unwrap();
    assert_eq!(config.name, "00123", "a text stays as it is");
    assert!(config.debug);
    assert_eq!(config.hosts, ["a", "b"]);
    assert_eq!(config.db.unwrap().url, "[no list");
}

#[test]
fn an_error_names_the_key_its_source_and_what_is_expected() {
    let cases = [
        ("MY_APP_PORT", "many", "port", "an integer"),
        ("MY_APP_PORT", "80000", "port", "integer"),
        ("MY_APP_DEBUG", "perhaps", "debug", "a boolean"),
        ("MY_APP_DB__POOL", "3s", "db.pool", "an integer"),
        ("MY_APP_HOSTS", "3", "hosts", "sequence"),
    ];
    for (variable, text, key, expected) in cases {
        let error = load(variables([("MY_APP_DB__URL", "x"), (variable, text)]), my_app()).unwrap_err();
        let origin = format!("the environment variable {variable}");
        assert_eq!((error.key(), error.origin()), (Some(key), Some(&*origin)), "{error}");
        let message = error.to_string();
        assert!(message.starts_with(&format!("configuration of my-app: `{key}`: ")), "{message}");
        assert!(message.contains(expected) && message.ends_with(&format!(" (in {origin})")), "{message}");
    }
}

#[test]
fn an_error_in_a_file_names_the_file() {
    let folder = Folder::new("errors");
    let sources = ConfigSources::none().directory(&folder.0);
    for (text, key) in [("port = 'x'", Some("port")), ("port = 80000", Some("port")), ("port = ", None)] {
        folder.write("my-app.toml", text);
        let error = load(sources.clone(), my_app()).unwrap_err();
        assert_eq!(error.key(), key, "{error}");
        assert!(error.origin().is_some_and(|origin| origin.ends_with("my-app.toml")), "{error}");
    }
}

#[test]
fn a_missing_key_is_told_where_it_can_stand() {
    let sources = ConfigSources::none().directory("/nowhere").variables([("OTHER", "x")]);
    let error = load(sources, AppSpec::library("my-app")).unwrap_err();
    assert_eq!(error.key(), Some("name"));
    let message = error.to_string();
    assert!(message.contains("`name`: is missing: set it in "), "{message}");
    assert!(message.contains("my-app.toml") && message.contains("MY_APP_"), "{message}");
}

#[test]
fn without_sources_a_missing_key_is_just_missing() {
    let error = load(ConfigSources::none(), AppSpec::library("my-app")).unwrap_err();
    assert_eq!(error.to_string(), "configuration of my-app: `name`: is missing");
    let error = load(ConfigSources::none().directory("here"), AppSpec::library("my-app")).unwrap_err();
    assert!(error.to_string().ends_with("is missing: set it in here/my-app.toml"), "{error}");
}

#[test]
fn the_variable_of_the_file_is_no_key() {
    let folder = Folder::new("no-key");
    folder.write("some.toml", "port = 1");
    let path = folder.0.join("some.toml");
    let sources = variables([("MY_APP_CONFIG", path.to_str().unwrap()), ("MY_APP_", "x"), ("MY_APPLE", "x")]);
    let controller = Controller::with_sources(sources);
    controller.load(AppSpec::library("my-app")).unwrap();
    let all = controller.get_all_env::<std::collections::BTreeMap<String, u16>>("my-app");
    assert_eq!(all.unwrap().unwrap(), [("port".to_owned(), 1)].into());
}

/// Everything that an application is configured with, as texts.
fn all_of(controller: &Controller, name: &str) -> Vec<(String, String)> {
    let all: std::collections::BTreeMap<_, _> =
        controller.get_all_env(name).expect("it can be read").expect("it is loaded");
    all.into_iter().collect()
}

fn texts(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_variable_belongs_to_the_application_with_the_longest_prefix() {
    let sources = || variables([("SHOP_DB_POOL", "5"), ("SHOP_PORT", "80"), ("SHOP_DB", "local")]);
    let shop = texts(&[("db", "local"), ("port", "80")]);
    let shop_db = texts(&[("pool", "5")]);

    // Loaded in either order, or only named as a dependency.
    for order in [["shop", "shop_db"], ["shop_db", "shop"]] {
        let controller = Controller::with_sources(sources());
        for name in order {
            controller.load(AppSpec::library(name)).unwrap();
        }
        assert_eq!(all_of(&controller, "shop"), shop, "{order:?}");
        assert_eq!(all_of(&controller, "shop_db"), shop_db, "{order:?}");
    }
    for dependency in [Dependency::from("shop_db"), AppSpec::library("shop-db").into()] {
        let controller = Controller::with_sources(sources());
        controller.load(AppSpec::library("shop").dependency(dependency)).unwrap();
        assert_eq!(all_of(&controller, "shop"), shop);
    }

    // Nobody else is known, or any more.
    let alone = texts(&[("db", "local"), ("db_pool", "5"), ("port", "80")]);
    let controller = Controller::with_sources(sources());
    controller.load(AppSpec::library("shop")).unwrap();
    assert_eq!(all_of(&controller, "shop"), alone);
    controller.load(AppSpec::library("shop_db")).unwrap();
    controller.unload("shop_db").unwrap();
    assert_eq!(all_of(&controller, "shop"), alone);
}

#[test]
fn what_code_has_set_stays_when_a_variable_goes_to_another_application() {
    let controller = Controller::with_sources(variables([("SHOP_DB_POOL", "5"), ("SHOP_PORT", "80")]));
    let shop =
        AppSpec::library("shop").env("db_pool", "3").env("port", "1").env("name", "a").config("open", "yes");
    controller.load(shop).unwrap();
    controller.put_env("shop", "port", "81").unwrap();
    controller.put_env("shop", "port", "82").unwrap();
    controller.delete_env("shop", "name");
    controller.load(AppSpec::library("shop_db")).unwrap();
    assert_eq!(all_of(&controller, "shop"), texts(&[("db_pool", "3"), ("open", "yes"), ("port", "82")]));
}

#[test]
fn two_underscores_lead_into_a_table_also_beside_an_application_of_that_name() {
    let controller = Controller::with_sources(variables([("SHOP_DB__POOL", "5")]));
    controller.load(AppSpec::library("shop")).unwrap();
    controller.load(AppSpec::library("shop_db")).unwrap();
    assert_eq!(controller.get_env::<u8>("shop", "db.pool").unwrap(), Some(5));
    assert_eq!(all_of(&controller, "shop_db"), []);
}

#[test]
fn variables_for_one_key_count_in_the_order_of_their_names() {
    // In another order each time, if that of a hash map were what counts.
    for _ in 0..20 {
        let controller = Controller::with_sources(variables([
            ("SHOP_DB", "local"),
            ("SHOP_DB__POOL", "5"),
            ("SHOP_PORT", "80"),
            ("SHOP_port", "81"),
        ]));
        controller.load(AppSpec::library("shop")).unwrap();
        assert_eq!(controller.get_env::<u8>("shop", "db.pool").unwrap(), Some(5));
        assert_eq!(controller.get_env::<u8>("shop", "port").unwrap(), Some(81));
    }
}

#[test]
fn values_that_cannot_stand_in_a_configuration_are_refused() {
    let map = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = load(ConfigSources::none(), my_app().config("odd", &map)).unwrap_err();
    assert_eq!(error.key(), Some("odd"));
    assert!(Controller::new().put_env("my-app", "odd", &map).is_err());
}
