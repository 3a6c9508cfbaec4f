//! What can be measured, and on what: the names, and how often each workload repeats its operation.
//!
//! `cargo xtask bench` includes this file as well, so that both know the same names.

/// Something to measure.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// What one operation is.
    pub(crate) about: &'static str,
    /// How many operations are timed, unless `--n` says otherwise.
    pub(crate) n: u64,
}

pub(crate) const WORKLOADS: &[Workload] = &[
    workload("call", "one caller calls one server, with the library's default limit", 500_000),
    workload("call5s", "the same, with a limit of 5 s on every call, whatever the default", 500_000),
    workload("cast", "one caller casts to one server; ends when all casts are handled", 2_000_000),
    workload("fanin", "8 callers call one server", 500_000),
    workload("many", "64 callers call 1,000 servers in turn", 500_000),
    workload("spawn", "start a server, stop it, and wait until it is gone", 200_000),
    workload(
        "spawn_only",
        "start a server with 8 bytes of state, and keep it; also bytes per process",
        100_000,
    ),
    workload("restart", "a supervised server panics; until the next one has answered a call", 20_000),
    workload("restart_err", "the same, where it ends with an error and not by a panic", 20_000),
    workload("ring", "a token goes around 1,000 servers", 1_000_000),
    workload(
        "registry",
        "a process is looked up by text among 100,000, by one caller for each thread",
        4_000_000,
    ),
    workload("pubsub", "a message to 10,000 subscribers, one of them stuck; until all others have it", 500),
    workload("ets_100", "a random row of a million is read; keys and values are numbers", 4_000_000),
    workload("ets_90", "the same, where 10 % write to a row", 4_000_000),
    workload("ets_50", "the same, where 50 % write", 4_000_000),
    workload("ets_text_100", "a random row of a million is read; keys and values are texts", 4_000_000),
    workload("ets_text_90", "the same, where 10 % write to a row", 4_000_000),
    workload("ets_text_50", "the same, where 50 % write", 4_000_000),
    workload(
        "ets_counter",
        "one counter of a million rows, the same for all callers, goes up by 1",
        8_000_000,
    ),
    workload("ets_insert_all", "10 random rows of a million are written at one moment", 500_000),
    workload("ets_ordered_100", "a random row of a million in their order is read", 2_000_000),
    workload("ets_ordered_90", "the same, where 10 % write to a row", 2_000_000),
    workload("ets_ordered_50", "the same, where 50 % write", 2_000_000),
    workload("ets_range", "100 rows in order, of a million, from a random key on", 300_000),
    workload("big", "each of 120 servers pings random others, one ping at a time", 240_000),
];

const fn workload(name: &'static str, about: &'static str, n: u64) -> Workload {
    Workload { name, about, n }
}

/// Somebody who does the same work.
#[derive(Debug)]
pub(crate) struct PeerName {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Library,
    /// What the runtime costs alone: no contestant.
    Floor,
    /// Another way to use a library: measured where it is asked for by name, or with `all`.
    Variant,
}

pub(crate) const PEERS: &[PeerName] = &[
    peer("otp", Kind::Library, "this workspace; the callers are processes"),
    peer("raw", Kind::Floor, "bare tokio: tasks, unbounded mpsc, oneshot; no limit, no supervision"),
    peer("dashmap", Kind::Floor, "for `registry` and `ets` alone: dashmap with ahash"),
    peer("papaya", Kind::Floor, "for `registry` and `ets` alone: papaya with ahash"),
    peer(
        "scc",
        Kind::Floor,
        "for `ets` alone: scc's HashMap with ahash, and its TreeIndex where there is an order",
    ),
    peer(
        "rwlock",
        Kind::Floor,
        "for `ets` alone: std's HashMap with ahash, or BTreeMap, behind std's RwLock",
    ),
    peer("parking_lot", Kind::Floor, "the same behind parking_lot's"),
    peer("ractor", Kind::Library, "ractor"),
    peer("kameo", Kind::Library, "kameo with its default mailbox, bounded at 64"),
    peer("actix", Kind::Library, "actix, one arbiter per thread"),
    peer("hydra", Kind::Library, "hydra"),
    peer("spawned", Kind::Library, "spawned-concurrency, its variant on tasks"),
    peer("beam", Kind::Library, "Elixir's GenServer on the BEAM"),
    peer("otp-task", Kind::Variant, "this workspace; the callers are plain tokio tasks"),
    peer("kameo-unbounded", Kind::Variant, "kameo with its unbounded mailbox"),
    peer("actix-unbounded", Kind::Variant, "actix with the mailbox's bound lifted"),
    peer("actix-apart", Kind::Variant, "actix with the caller on another arbiter than its server"),
];

const fn peer(name: &'static str, kind: Kind, about: &'static str) -> PeerName {
    PeerName { name, about, kind }
}
