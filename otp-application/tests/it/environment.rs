//! The environment of an application as code sees it.

use std::collections::BTreeMap;

use otp_application::{AppSpec, Controller, FetchEnvError};
use serde::{Deserialize, Serialize};

fn words() -> AppSpec {
    AppSpec::library("words").env("language", "en").env("limit", 10)
}

fn not_found(key: &str) -> FetchEnvError {
    FetchEnvError::NotFound { application: "words".to_owned(), key: key.to_owned() }
}

#[test]
fn app_026_values_are_got_set_and_deleted() {
    let controller = Controller::new();
    controller.load(words()).unwrap();
    assert_eq!(controller.get_env::<String>("words", "language"), Ok(Some("en".to_owned())));
    assert_eq!(controller.get_env::<String>("words", "colour"), Ok(None));
    assert_eq!(controller.get_env::<String>("ghost", "language"), Ok(None));
    assert_eq!(controller.fetch_env::<u8>("words", "limit"), Ok(10));
    assert_eq!(controller.fetch_env::<u8>("words", "colour"), Err(not_found("colour")));

    controller.put_env("words", "limit", 11).unwrap();
    assert_eq!(controller.fetch_env::<u8>("words", "limit"), Ok(11));
    controller.delete_env("words", "limit");
    assert_eq!(controller.fetch_env::<u8>("words", "limit"), Err(not_found("limit")));
    controller.delete_env("words", "limit");
    controller.delete_env("ghost", "limit");
}

#[test]
fn app_026_a_value_of_another_type_is_an_error_that_says_so() {
    let controller = Controller::new();
    controller.load(words()).unwrap();
    let error = controller.get_env::<u8>("words", "language").unwrap_err();
    assert_eq!((error.application(), error.key(), error.origin()), ("words", Some("language"), None));
    assert!(error.to_string().contains("expected an"), "{error}");
}

#[test]
fn app_026_keys_lead_into_tables() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pool {
        size: u8,
        hosts: Vec<String>,
        idle: Option<u8>,
    }
    let controller = Controller::new();
    controller.load(words()).unwrap();
    let pool = |size| Pool { size, hosts: vec!["a".to_owned(), "b".to_owned()], idle: None };
    controller.put_env("words", "db.pool", pool(3)).unwrap();
    controller.put_env("words", "db.pool.size", 4).unwrap();
    assert_eq!(controller.get_env("words", "db.pool"), Ok(Some(pool(4))));
    controller.delete_env("words", "db.pool.hosts");
    assert_eq!(
        controller.fetch_env::<Vec<String>>("words", "db.pool.hosts"),
        Err(not_found("db.pool.hosts"))
    );
    assert_eq!(controller.fetch_env::<u8>("words", "db.pool.size"), Ok(4));
}

#[test]
fn app_026_the_whole_environment_is_one_value() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Words {
        language: String,
        limit: u8,
    }
    let controller = Controller::new();
    controller.load(words()).unwrap();
    let all = Words { language: "en".to_owned(), limit: 10 };
    assert_eq!(controller.get_all_env("words"), Ok(Some(all)));
    assert_eq!(controller.get_all_env::<Words>("ghost"), Ok(None));
}

#[test]
fn app_028_what_is_given_at_the_start_goes_before_the_specs_defaults() {
    let controller = Controller::new();
    controller.load(words().config("limit", 20)).unwrap();
    assert_eq!(controller.fetch_env::<u8>("words", "limit"), Ok(20));
    assert_eq!(controller.fetch_env::<String>("words", "language").unwrap(), "en");
}

#[test]
fn app_028_what_was_put_before_the_load_goes_before_the_specs_values() {
    let controller = Controller::new();
    controller.put_env("words", "limit", 30).unwrap();
    controller.put_env("words", "language", "fr").unwrap();
    controller.delete_env("words", "language");
    controller.load(words().config("limit", 20)).unwrap();
    assert_eq!(controller.fetch_env::<u8>("words", "limit"), Ok(30));
    assert_eq!(controller.fetch_env::<String>("words", "language").unwrap(), "en");
}

#[test]
fn app_026_a_value_that_is_put_before_the_load_is_there_at_once() {
    let controller = Controller::new();
    controller.put_env("not loaded", "key", 1).unwrap();
    assert_eq!(controller.get_env("not loaded", "key").unwrap(), Some(1));
    assert_eq!(controller.fetch_env::<u8>("not loaded", "key").unwrap(), 1);
    controller.delete_env("not loaded", "key");
    assert_eq!(controller.get_env::<u8>("not loaded", "key").unwrap(), None);
}

#[test]
fn app_026_a_value_that_is_put_takes_the_place_of_a_whole_table() {
    let controller = Controller::new();
    let x = BTreeMap::from([("x", 1)]);
    let y = BTreeMap::from([("y", 2)]);
    controller.load(AppSpec::library("tables")).unwrap();
    controller.put_env("tables", "key", x).unwrap();
    controller.put_env("tables", "key", y).unwrap();
    let now: BTreeMap<String, u8> = controller.fetch_env("tables", "key").unwrap();
    assert_eq!(now, BTreeMap::from([("y".to_owned(), 2)]));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i8, i8),
    Box { wide: u64, high: i64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    list: Vec<u8>,
    lists: Vec<Vec<String>>,
    map: BTreeMap<String, u8>,
    by_number: BTreeMap<u32, BTreeMap<String, u8>>,
    shapes: Vec<Shape>,
    letter: char,
    pair: (bool, f32),
    some: Option<Vec<u8>>,
    none: Option<u8>,
    unit: (),
    large: u64,
    small: i64,
}

fn everything() -> Everything {
    let dotted = BTreeMap::from([("example.org".to_owned(), 1), ("a[0]".to_owned(), 2), (String::new(), 3)]);
    Everything {
        list: Vec::new(),
        lists: vec![Vec::new(), vec!["a.b".to_owned()]],
        map: BTreeMap::new(),
        by_number: BTreeMap::from([(1, BTreeMap::new()), (2, dotted)]),
        shapes: vec![
            Shape::Point,
            Shape::Circle(0.5),
            Shape::Line(-1, 1),
            Shape::Box { wide: u64::MAX, high: i64::MIN },
        ],
        letter: 'ä',
        pair: (true, 0.25),
        some: Some(Vec::new()),
        none: None,
        unit: (),
        large: u64::MAX,
        small: i64::MIN,
    }
}

#[test]
fn app_026_what_code_gives_comes_back_as_it_is() {
    let controller = Controller::new();
    let words = || words().env("default", everything()).config("given", everything());
    controller.load(words()).unwrap();
    controller.put_env("words", "put", everything()).unwrap();
    controller.put_env("early", "put", everything()).unwrap();
    for (name, key) in [("words", "default"), ("words", "given"), ("words", "put"), ("early", "put")] {
        assert_eq!(controller.fetch_env::<Everything>(name, key), Ok(everything()), "{name} {key}");
    }
    for empty in ["list", "some"] {
        assert_eq!(controller.get_env("words", &format!("put.{empty}")), Ok(Some(Vec::<u8>::new())));
    }
}

#[test]
fn app_026_an_empty_map_that_is_put_empties_a_table() {
    let controller = Controller::new();
    controller.load(AppSpec::library("words").env("map", BTreeMap::from([("a", 1)]))).unwrap();
    controller.put_env("words", "map", BTreeMap::<String, u8>::new()).unwrap();
    assert_eq!(controller.get_env("words", "map"), Ok(Some(BTreeMap::<String, u8>::new())));
}
