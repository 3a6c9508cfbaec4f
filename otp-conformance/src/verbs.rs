//! What a process of a scenario can be told to do.
//!
//! `beam/runner.exs` has the same list, as the clauses of its functions `act` and `perform`.

/// What stands in the place of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Argument {
    /// The name of a process that is made by this.
    NewProcess,
    /// A process that an earlier action made.
    Process,
    /// A server: its process, `name:` and the name that it is registered under, `via:` with a registry and a key, or `part:` with
    /// a partition supervisor and a number.
    Server,
    /// The name of a monitor that is made by this.
    NewMonitor,
    /// A monitor that an earlier action made.
    Monitor,
    /// The name of an alias that is made by this.
    NewAlias,
    /// An alias that an earlier action made.
    Alias,
    /// The id of a child specification that was given before.
    Spec,
    /// The name of a table that is made by this.
    NewTable,
    /// A table that an earlier action made.
    Table,
    /// Any word: a reason, a registered name, a message, a mode.
    Word,
    /// One of these.
    OneOf(&'static [&'static str]),
}

/// What may follow the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    Nothing,
    /// An action for the new process to begin with, or nothing.
    FirstAction,
    /// Any number of words, which the runners know: options, and directives to a server.
    Words,
}

/// One verb with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static [Argument],
    pub(crate) rest: Rest,
}

use Argument::{
    Alias, Monitor, NewAlias, NewMonitor, NewProcess, NewTable, OneOf, Process, Server, Spec, Table, Word,
};

const fn verb(name: &'static str, arguments: &'static [Argument]) -> Verb {
    Verb { name, arguments, rest: Rest::Nothing }
}

const fn words(name: &'static str, arguments: &'static [Argument]) -> Verb {
    Verb { rest: Rest::Words, ..verb(name, arguments) }
}

const fn starts(name: &'static str, arguments: &'static [Argument]) -> Verb {
    Verb { rest: Rest::FirstAction, ..verb(name, arguments) }
}

const TABLE_TYPES: Argument = OneOf(&["set", "ordered_set", "bag", "duplicate_bag"]);
const ALIAS_MODES: Argument = OneOf(&["explicit", "reply"]);
const MONITOR_ALIAS_MODES: Argument = OneOf(&["explicit", "demonitor", "reply_demonitor"]);

pub(crate) const VERBS: &[Verb] = &[
    // Processes.
    starts("spawn", &[NewProcess]),
    starts("spawn_link", &[NewProcess]),
    starts("spawn_monitor", &[NewProcess, NewMonitor]),
    verb("link", &[Process]),
    verb("unlink", &[Process]),
    verb("monitor", &[NewMonitor, Process]),
    verb("monitor_name", &[NewMonitor, Word]),
    verb("monitor_tag", &[NewMonitor, Process, Word]),
    verb("demonitor", &[Monitor]),
    verb("demonitor_flush", &[Monitor]),
    verb("exit", &[Word]),
    verb("crash", &[]),
    verb("return", &[]),
    verb("signal", &[Process, Word]),
    verb("trap", &[OneOf(&["on", "off"])]),
    verb("send", &[Process, Word]),
    verb("send_name", &[Word, Word]),
    verb("register", &[Word, Process]),
    verb("unregister", &[Word]),
    verb("whereis", &[Word]),
    verb("alias", &[NewAlias, ALIAS_MODES]),
    verb("monitor_alias", &[NewMonitor, NewAlias, Process, MONITOR_ALIAS_MODES]),
    verb("unalias", &[Alias]),
    verb("send_alias", &[Alias, Word]),
    verb("info", &[Process]),
    verb("alive", &[Process]),
    // From `hold` to `release`, what arrives stays in the mailbox.
    verb("hold", &[]),
    verb("release", &[]),
    // Waits for the monitor's DOWN, and goes on at once.
    verb("await", &[Monitor]),
    // Servers.
    words("server", &[NewProcess]),
    words("server_link", &[NewProcess]),
    words("server_monitor", &[NewProcess, NewMonitor]),
    words("call", &[Server]),
    words("cast", &[Server]),
    words("tell", &[Server]),
    words("stop", &[Server]),
    // Supervisors.
    words("supervisor_link", &[NewProcess]),
    words("dynamic_supervisor_link", &[NewProcess]),
    words("partition_supervisor_link", &[NewProcess]),
    verb("start_child", &[Process, Spec]),
    verb("terminate_child", &[Process, Spec]),
    verb("restart_child", &[Process, Spec]),
    verb("delete_child", &[Process, Spec]),
    verb("which_children", &[Process]),
    verb("count_children", &[Process]),
    verb("stop_supervisor", &[Process, Word]),
    // Registries.
    words("registry_link", &[NewProcess]),
    verb("registry_partition", &[Process, NewProcess]),
    verb("registry_register", &[Process, Word, Word]),
    verb("registry_try", &[Process, Word, Word]),
    verb("registry_unregister", &[Process, Word]),
    verb("registry_unregister_match", &[Process, Word, Word]),
    verb("registry_update", &[Process, Word, Word]),
    verb("registry_lookup", &[Process, Word]),
    verb("registry_keys", &[Process, Process]),
    verb("registry_values", &[Process, Word, Process]),
    verb("registry_count", &[Process]),
    verb("registry_dispatch", &[Process, Word, Word]),
    // Tables.
    words("table", &[NewTable, TABLE_TYPES]),
    verb("load", &[NewTable, TABLE_TYPES, Word]),
    words("ets", &[Table, Word]),
    verb("whereis_table", &[Word]),
];

/// The verb with this name.
pub(crate) fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}
