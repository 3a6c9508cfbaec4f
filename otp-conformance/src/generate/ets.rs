//! Scenarios of tables: a few processes do anything to a few tables, with few keys and values, so that they meet.

use crate::draw::Draw;

const TYPES: &[&str] = &["set", "ordered_set", "bag", "duplicate_bag"];
const PROTECTIONS: &[&str] = &["", " public", " public", " public", " protected", " private"];
const PROCESSES: &[&str] = &["a", "b", "c"];
const NAMES: &[&str] = &["m", "n"];

struct Table {
    name: String,
    table_type: &'static str,
}

pub(super) fn steps(draw: &mut Draw) -> Vec<String> {
    let mut lines = vec![format!("start {}", PROCESSES.join(" "))];
    let mut tables: Vec<Table> = Vec::new();
    let mut files: Vec<(String, &'static str)> = Vec::new();
    lines.push(new_table(draw, &mut tables));
    for _ in 0..draw.between(3, 12) {
        let actor = draw.one(PROCESSES);
        let table = &tables[draw.below(tables.len())];
        let name = table.name.clone();
        let line = match draw.below(100) {
            0..65 => {
                let operations: Vec<String> =
                    (0..draw.between(3, 15)).map(|_| operation(draw, table)).collect();
                format!("{actor} {}; ets {name} dump; ets {name} info", operations.join("; "))
            }
            65..72 => new_table(draw, &mut tables),
            72..78 => {
                let rows = rows(draw, table.table_type);
                let met = draw.between(1, 4);
                // Which keys come first is up to each language, so nothing may be left of them.
                let walk = format!("ets {name} walk {met}; ets {name} walk_delete; ets {name} walked");
                format!("{actor} ets {name} insert{rows}; {walk}; ets {name} delete_all")
            }
            78..84 => format!("{actor} ets {name} give_away {} gift", draw.one(PROCESSES)),
            84..88 => format!("{actor} ets {name} set_heir {} legacy", draw.one(PROCESSES)),
            88..89 => format!("{actor} ets {name} set_heir"),
            89..91 => format!("{actor} ets {name} rename {0}; whereis_table {0}", draw.one(NAMES)),
            91..93 => format!("{actor} whereis_table {}", draw.one(NAMES)),
            93..94 => format!("{actor} ets {name} delete_table"),
            94..96 => {
                let file = format!("f{}", files.len());
                files.push((file.clone(), table.table_type));
                format!("{actor} ets {name} save {file}")
            }
            96..97 if !files.is_empty() => {
                let (file, table_type) = files[draw.below(files.len())].clone();
                let name = format!("t{}", tables.len());
                tables.push(Table { name: name.clone(), table_type });
                format!("{actor} load {name} {table_type} {file}; ets {name} dump; ets {name} info")
            }
            _ => format!("{actor} {}", draw.one(&["exit boom", "return", "exit normal"])),
        };
        lines.push(line);
    }
    for process in PROCESSES {
        let shown = tables.iter().map(|Table { name, .. }| format!("ets {name} dump; ets {name} info"));
        lines.push(format!("{process} {}", shown.collect::<Vec<_>>().join("; ")));
    }
    lines
}

fn new_table(draw: &mut Draw, tables: &mut Vec<Table>) -> String {
    let table_type = draw.one(TYPES);
    let name = format!("t{}", tables.len());
    let mut line = format!("{} table {name} {table_type}{}", draw.one(PROCESSES), draw.one(PROTECTIONS));
    if draw.percent(30) {
        line += &format!(" name:{}", draw.one(NAMES));
    }
    if draw.percent(30) {
        line += &format!(" heir:{}:will", draw.one(PROCESSES));
    }
    tables.push(Table { name, table_type });
    line
}

fn key(draw: &mut Draw) -> usize {
    draw.below(8)
}

fn value(draw: &mut Draw) -> usize {
    draw.below(5)
}

fn row(draw: &mut Draw) -> String {
    format!("{}:{}", key(draw), value(draw))
}

fn rows(draw: &mut Draw, table_type: &str) -> String {
    let mut rows: Vec<(usize, usize)> = Vec::new();
    for _ in 0..draw.below(6) {
        let (key, value) = (key(draw), value(draw));
        match rows.iter().find(|row| row.0 == key).copied() {
            // Nothing is promised of the order of a list's values in a bag, or of which one stays in a set.
            Some(row) if table_type.ends_with("bag") => rows.push(row),
            Some(_) => {}
            None => rows.push((key, value)),
        }
    }
    rows.iter().map(|(key, value)| format!(" {key}:{value}")).collect()
}

fn counter_ops(draw: &mut Draw) -> String {
    let mut ops = String::new();
    for _ in 0..draw.below(4) {
        let by = draw.below(9).to_string();
        let by = if draw.percent(50) { format!("-{by}") } else { by };
        if draw.percent(40) {
            ops += &format!(" {by}:{}:{}", value(draw), value(draw));
        } else {
            ops += &format!(" {by}");
        }
    }
    ops
}

fn operation(draw: &mut Draw, table: &Table) -> String {
    let Table { name, table_type } = table;
    let unique = table_type.ends_with("set");
    let operation = match draw.below(100) {
        0..20 => format!("insert{}", rows(draw, table_type)),
        20..28 => format!("insert_new{}", rows(draw, table_type)),
        28..36 => format!("insert_one {}", row(draw)),
        36..40 => format!("insert_new_one {}", row(draw)),
        40..44 => format!("lookup {}", key(draw)),
        44..46 => format!("lookup_element {}", key(draw)),
        46..48 => format!("member {}", key(draw)),
        48..52 => format!("take {}", key(draw)),
        52..56 => format!("delete {}", key(draw)),
        56..61 => format!("delete_object {}", row(draw)),
        61..62 => "delete_all".to_owned(),
        62..63 => format!("init{}", rows(draw, table_type)),
        63..66 => format!("select_count {}", value(draw)),
        66..69 => format!("select_delete {}", draw.between(2, 5)),
        69..72 => format!("pages {}", draw.between(1, 6)),
        72..74 => "sum".to_owned(),
        74..78 if *table_type != "bag" => format!("select_replace {}", draw.between(1, 5)),
        78..82 if unique => format!("update_element {}", row(draw)),
        82..88 if unique => format!("update_counter {}{}", key(draw), counter_ops(draw)),
        88..92 if unique => format!("update_counter_or {}{}", row(draw), counter_ops(draw)),
        92..100 if *table_type == "ordered_set" => ordered(draw),
        _ => "dump".to_owned(),
    };
    format!("ets {name} {operation}")
}

fn ordered(draw: &mut Draw) -> String {
    match draw.below(8) {
        0 => "first".to_owned(),
        1 => "last".to_owned(),
        2 => format!("next {}", key(draw)),
        3 => format!("prev {}", key(draw)),
        4 => format!("range {} {}", key(draw), key(draw)),
        5 => "reverse".to_owned(),
        6 => "foldr".to_owned(),
        _ => "list".to_owned(),
    }
}
