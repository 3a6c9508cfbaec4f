//! Tables of numbers, and what processes do with them: see `scenarios/ets/README.md`.

use std::collections::HashMap;
use std::fmt::Debug;

use otp_core::Recipient;
use otp_ets::{
    AccessError, Bag, CounterOp, CreateError, DuplicateBag, File2tabError, Kind, OrderedSet, Protection, Set,
    Table, TableId, TableType, Transfer,
};

use crate::actor::Order;
use crate::world::{Address, World};

/// A table of any type.
#[derive(Debug, Clone)]
pub(crate) enum AnyTable {
    Set(Set<i64, i64>),
    OrderedSet(OrderedSet<i64, i64>),
    Bag(Bag<i64, i64>),
    DuplicateBag(DuplicateBag<i64, i64>),
}

/// The same expression with a table of any type, or of some.
macro_rules! any {
    ($table:expr, $inner:ident => $body:expr) => {
        match $table {
            AnyTable::Set($inner) => $body,
            AnyTable::OrderedSet($inner) => $body,
            AnyTable::Bag($inner) => $body,
            AnyTable::DuplicateBag($inner) => $body,
        }
    };
    ($table:expr, $($kind:ident)|+, $inner:ident => $body:expr) => {
        match $table {
            $(AnyTable::$kind($inner) => $body,)+
            _ => return Err("this type of table cannot do that".to_owned()),
        }
    };
}

/// The walks of a process, by their tables.
#[derive(Default)]
pub(crate) struct Visits(HashMap<String, Visit>);

struct Visit {
    next_key: Box<dyn FnMut() -> Result<Option<i64>, AccessError> + Send + Sync>,
    met: Vec<i64>,
}

/// A recorded difference: errors say what is wrong.
const BADARG: &str = "badarg";

/// The scenario's name of a table.
pub(crate) fn name_of(world: &World, id: TableId) -> String {
    let found = world.table_name(|table| any!(table, table => table.id() == id));
    found.unwrap_or_else(|| "unknown".to_owned())
}

pub(crate) fn whereis(world: &World, name: &str) -> String {
    let found = otp_ets::whereis(&world.registered(name));
    format!("whereis_table: {}", found.map_or("none".to_owned(), |id| name_of(world, id)))
}

/// Makes a table of a name and a type, with options or from a file.
pub(crate) fn make(world: &World, verb: &str, words: &[String]) -> Result<String, String> {
    let [name, table_type, rest @ ..] = words else {
        return Err("a table needs a name and a type".to_owned());
    };
    let made = match (verb, table_type.as_str()) {
        ("load", "set") => load(world, &rest[0]).map(AnyTable::Set),
        ("load", "ordered_set") => load(world, &rest[0]).map(AnyTable::OrderedSet),
        ("load", "bag") => load(world, &rest[0]).map(AnyTable::Bag),
        ("load", _) => load(world, &rest[0]).map(AnyTable::DuplicateBag),
        (_, "set") => create(world, rest)?.map(AnyTable::Set),
        (_, "ordered_set") => create(world, rest)?.map(AnyTable::OrderedSet),
        (_, "bag") => create(world, rest)?.map(AnyTable::Bag),
        (_, _) => create(world, rest)?.map(AnyTable::DuplicateBag),
    };
    let text = match made {
        Ok(table) => {
            world.add_table(name, table);
            "ok"
        }
        Err(error) => error,
    };
    Ok(format!("{verb} {name}: {text}"))
}

fn create<T: Kind<i64, i64>>(
    world: &World,
    options: &[String],
) -> Result<Result<Table<i64, i64, T>, &'static str>, String> {
    let mut builder = Table::<i64, i64, T>::builder();
    for option in options {
        let mut parts = option.splitn(3, ':');
        builder = match (parts.next(), parts.next(), parts.next()) {
            (Some("public"), ..) => builder.public(),
            (Some("protected"), ..) => builder.protection(Protection::Protected),
            (Some("private"), ..) => builder.private(),
            (Some("name"), Some(name), _) => builder.name(world.registered(name)),
            (Some("heir"), Some(heir), Some(data)) => builder.heir(&new_owner(world, heir, data)?),
            _ => return Err(format!("there is no option `{option}` of tables")),
        };
    }
    Ok(builder.create().map_err(|_| BADARG))
}

fn load<T: Kind<i64, i64>>(world: &World, file: &str) -> Result<Table<i64, i64, T>, &'static str> {
    Table::file2tab(world.file(file)).map_err(|error| match error {
        File2tabError::Create(CreateError::NameTaken) => "cannot_create_table",
        File2tabError::Io(_) => "read_error",
        _ => "error",
    })
}

/// A process as one that gets a table, and hears of it with these data.
fn new_owner<T: Kind<i64, i64>>(
    world: &World,
    process: &str,
    data: &str,
) -> Result<Recipient<Transfer<i64, i64, T>>, String> {
    let Some(Address::Actor(actor)) = world.address(process) else { return Err(format!("no {process}")) };
    let data = data.to_owned();
    Ok(actor.recipient_with(move |transfer: Transfer<i64, i64, T>| Order::Transfer {
        table: transfer.table.id(),
        from: transfer.from,
        data: data.clone(),
    }))
}

/// What a process does with a table, and what comes of it.
pub(crate) fn act(
    world: &World,
    visits: &mut Visits,
    name: &str,
    operation: &str,
    words: &[String],
) -> Result<String, String> {
    let table = world.table(name).ok_or_else(|| format!("no {name}"))?;
    let done = match operation {
        "info" => Ok(info(world, &table)),
        "save" => {
            let path = world.file(words.first().ok_or("a file has a name")?);
            any!(&table, table => table.tab2file(path).map(|()| "ok".to_owned()).map_err(|_| ()))
        }
        "give_away" | "set_heir" | "rename" | "delete_table" => manage(world, &table, operation, words)?,
        "walk" | "walk_delete" | "walked" => visits.act(&table, name, operation, words)?,
        "update_element" | "update_counter" | "update_counter_or" => update(&table, operation, words)?,
        "select_replace" => {
            let least = number(words, 0)?;
            let new = |_: &i64, value: &i64| (*value >= least).then_some(value + 1);
            let replaced = any!(&table, Set | OrderedSet | DuplicateBag, table => table.select_replace(new));
            replaced.map(|count| show(&count)).map_err(drop)
        }
        "range" | "reverse" | "foldr" | "list" => ordered(&table, operation, words)?,
        _ => on_rows(&table, operation, words)?,
    };
    Ok(done.unwrap_or_else(|()| BADARG.to_owned()))
}

fn info(world: &World, table: &AnyTable) -> String {
    let Some(info) = any!(table, table => table.info()) else { return "none".to_owned() };
    let table_type = match info.table_type {
        TableType::Set => "set",
        TableType::OrderedSet => "ordered_set",
        TableType::Bag => "bag",
        TableType::DuplicateBag => "duplicate_bag",
    };
    let protection = match info.protection {
        Protection::Public => "public",
        Protection::Protected => "protected",
        Protection::Private => "private",
    };
    let process = |pid: Option<_>| pid.map_or("none".to_owned(), |pid| world.show(pid));
    let name = info.name.as_deref().map_or("none", |name| world.unregistered(name));
    format!(
        "{table_type} {protection} owner={} heir={} name={name} size={}",
        process(info.owner),
        process(info.heir),
        info.size
    )
}

/// What is done to a table as a whole.
fn manage(
    world: &World,
    table: &AnyTable,
    operation: &str,
    words: &[String],
) -> Result<Result<String, ()>, String> {
    let ok = |()| "true".to_owned();
    Ok(match (operation, words) {
        ("give_away", [to, data]) => {
            any!(table, table => table.give_away(&new_owner(world, to, data)?).map(ok).map_err(|_| ()))
        }
        ("set_heir", [heir, data]) => {
            any!(table, table => table.set_heir(Some(&new_owner(world, heir, data)?)).map(ok).map_err(|_| ()))
        }
        ("set_heir", []) => any!(table, table => table.set_heir(None).map(ok).map_err(|_| ())),
        ("rename", [name]) => {
            any!(table, table => table.rename(world.registered(name)).map(ok).map_err(|_| ()))
        }
        ("delete_table", []) => any!(table, table => table.delete_table().map(ok).map_err(|_| ())),
        _ => return Err(format!("`{operation}` takes other words")),
    })
}

impl Visits {
    fn act(
        &mut self,
        table: &AnyTable,
        name: &str,
        operation: &str,
        words: &[String],
    ) -> Result<Result<String, ()>, String> {
        if !self.0.contains_key(name) {
            let Ok(visit) = any!(table, table => Visit::begin(table)) else { return Ok(Err(())) };
            self.0.insert(name.to_owned(), visit);
        }
        let Some(visit) = self.0.get_mut(name) else { return Ok(Err(())) };
        let done = match operation {
            "walk" => visit.go_on(size(number(words, 0)?)?).map(|()| "ok".to_owned()),
            "walk_delete" => {
                let mut met = visit.met.iter();
                any!(table, table => met.try_for_each(|key| table.delete(key).map(drop)))
                    .map(|()| "ok".to_owned())
            }
            _ => visit.go_on(usize::MAX).map(|()| {
                visit.met.sort_unstable();
                show(&visit.met)
            }),
        };
        if operation == "walked" {
            self.0.remove(name);
        }
        Ok(done.map_err(drop))
    }
}

impl Visit {
    fn begin<T: Kind<i64, i64>>(table: &Table<i64, i64, T>) -> Result<Self, AccessError> {
        let mut walk = table.safe_fixtable()?;
        Ok(Self { next_key: Box::new(move || walk.next_key()), met: Vec::new() })
    }

    /// Meets so many more keys, if there are as many.
    fn go_on(&mut self, keys: usize) -> Result<(), AccessError> {
        for _ in 0..keys {
            match (self.next_key)()? {
                Some(key) => self.met.push(key),
                None => break,
            }
        }
        Ok(())
    }
}

/// What every type can do. Rows are shown key by key, since tables without an order have none.
fn on_rows(table: &AnyTable, operation: &str, words: &[String]) -> Result<Result<String, ()>, String> {
    let ok = |()| "true".to_owned();
    let done = any!(table, table => match operation {
        "insert" => table.insert_all(rows(words)?).map(ok),
        "insert_new" => table.insert_all_new(rows(words)?).map(|new| show(&new)),
        "insert_one" => {
            let (key, value) = row(words)?;
            table.insert(key, value).map(ok)
        }
        "insert_new_one" => {
            let (key, value) = row(words)?;
            table.insert_new(key, value).map(|new| show(&new))
        }
        "lookup" => table.lookup(&number(words, 0)?).map(|found| show(&all(found))),
        "lookup_element" => {
            let found = table.lookup_element(&number(words, 0)?, |value| *value);
            found.map(|found| found.map_or("none".to_owned(), |found| show(&found)))
        }
        "member" => table.member(&number(words, 0)?).map(|there| show(&there)),
        "take" => table.take(&number(words, 0)?).map(|found| show(&all(found))),
        "delete" => table.delete(&number(words, 0)?).map(|_| ok(())),
        "delete_object" => {
            let (key, value) = row(words)?;
            table.delete_object(&key, &value).map(|_| ok(()))
        }
        "delete_all" => table.delete_all_objects().map(ok),
        "init" => table.init_table(rows(words)?).map(ok),
        "select_count" => {
            let least = number(words, 0)?;
            table.select_count(|_, value| *value >= least).map(|count| show(&count))
        }
        "select_delete" => {
            let least = number(words, 0)?;
            table.select_delete(|_, value| *value >= least).map(|count| show(&count))
        }
        "pages" => {
            let limit = size(number(words, 0)?)?;
            table.select_limit(limit, |key, value| Some((*key, *value))).and_then(|mut pages| {
                let mut found = Vec::new();
                while let Some(page) = pages.next_page()? {
                    found.extend(page);
                }
                found.sort_unstable();
                Ok(show(&found))
            })
        }
        "sum" => table.foldl(0, |sum, key, value| sum + key * value).map(|sum| show(&sum)),
        "dump" => table.select(|key, _| Some(*key)).and_then(|mut keys| {
            keys.sort_unstable();
            keys.dedup();
            let rows = keys.into_iter().map(|key| Ok((key, all(table.lookup(&key)?))));
            rows.collect::<Result<Vec<_>, _>>().map(|rows| show(&rows))
        }),
        "first" => table.first().map(key),
        "last" => table.last().map(key),
        "next" => return Ok(table.next(&number(words, 0)?).map(key).map_err(drop)),
        "prev" => return Ok(table.prev(&number(words, 0)?).map(key).map_err(drop)),
        other => return Err(format!("tables have no `{other}`")),
    });
    Ok(done.map_err(drop))
}

/// What types with one row per key do with that row.
fn update(table: &AnyTable, operation: &str, words: &[String]) -> Result<Result<String, ()>, String> {
    Ok(any!(table, Set | OrderedSet, table => match operation {
        "update_element" => {
            let (key, new) = row(words)?;
            table.update_element(&key, |value| *value = new).map(|there| show(&there)).map_err(drop)
        }
        "update_counter" => {
            let sums = table.update_counters(&number(words, 0)?, &counter_ops(words)?);
            sums.map(|sums| show(&sums)).map_err(drop)
        }
        _ => {
            let (key, default) = row(words)?;
            let sums = table.update_counters_or(key, default, &counter_ops(words)?);
            sums.map(|sums| show(&sums)).map_err(drop)
        }
    }))
}

/// What needs an order.
fn ordered(table: &AnyTable, operation: &str, words: &[String]) -> Result<Result<String, ()>, String> {
    let done = any!(table, OrderedSet, table => match operation {
        "range" => {
            let range = number(words, 0)?..=number(words, 1)?;
            table.range(range).map(|rows| show(&rows))
        }
        "reverse" => table.select_reverse(|key, value| Some((*key, *value))).map(|rows| show(&rows)),
        "foldr" => {
            let sum = table.foldr(0, |sum: i64, key, value| (sum * 3 + key * value) % 1009);
            sum.map(|sum| show(&sum))
        }
        _ => table.to_vec().map(|rows| show(&rows)),
    });
    Ok(done.map_err(drop))
}

fn key(found: Option<i64>) -> String {
    found.map_or("none".to_owned(), |key| key.to_string())
}

/// What was found under a key, as a list in all types.
fn all(found: impl IntoIterator<Item = i64>) -> Vec<i64> {
    found.into_iter().collect()
}

fn show(value: &impl Debug) -> String {
    format!("{value:?}").replace(' ', "")
}

/// The numbers of a word, between colons.
fn numbers(word: &str) -> Result<Vec<i64>, String> {
    word.split(':').map(|number| number.parse().map_err(|_| format!("`{word}` is no number"))).collect()
}

fn number(words: &[String], at: usize) -> Result<i64, String> {
    let word = words.get(at).ok_or("a number is missing")?;
    numbers(word)?.first().copied().ok_or_else(|| "a number is missing".to_owned())
}

fn size(number: i64) -> Result<usize, String> {
    usize::try_from(number).map_err(|error| error.to_string())
}

fn pair(word: &str) -> Result<(i64, i64), String> {
    match numbers(word)?.as_slice() {
        [key, value] => Ok((*key, *value)),
        _ => Err(format!("`{word}` is no row")),
    }
}

fn row(words: &[String]) -> Result<(i64, i64), String> {
    pair(words.first().ok_or("a row is missing")?)
}

fn rows(words: &[String]) -> Result<Vec<(i64, i64)>, String> {
    words.iter().map(|word| pair(word)).collect()
}

/// From the second word on: what is added, and perhaps a threshold and what it sets.
fn counter_ops(words: &[String]) -> Result<Vec<CounterOp<i64, i64>>, String> {
    let op = |word: &String| match numbers(word)?.as_slice() {
        [by] => Ok(CounterOp::by(*by)),
        [by, threshold, set] => Ok(CounterOp::by(*by).threshold(*threshold, *set)),
        _ => Err(format!("`{word}` is nothing that a counter does")),
    };
    words.get(1..).unwrap_or_default().iter().map(op).collect()
}
