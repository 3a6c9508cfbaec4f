//! The guide's chapters, for their code: each block of it is compiled and run as a doctest.
//!
//! The chapters stand in the repository, in `docs/guide`, and not in the package.

#[doc = include_str!("../../docs/guide/src/start.md")]
struct Start;

#[doc = include_str!("../../docs/guide/src/for_rust_people.md")]
struct ForRustPeople;

#[doc = include_str!("../../docs/guide/src/for_otp_people.md")]
struct ForOtpPeople;

#[doc = include_str!("../../docs/guide/src/process_design.md")]
struct ProcessDesign;

#[doc = include_str!("../../docs/guide/src/which_abstraction.md")]
struct WhichAbstraction;

#[doc = include_str!("../../docs/guide/src/supervision_trees.md")]
struct SupervisionTrees;

#[doc = include_str!("../../docs/guide/src/ets_or_server_state.md")]
struct EtsOrServerState;

#[doc = include_str!("../../docs/guide/src/jobs_or_tasks.md")]
struct JobsOrTasks;

#[doc = include_str!("../../docs/guide/src/when_not.md")]
struct WhenNot;

#[doc = include_str!("../../docs/guide/src/common_mistakes.md")]
struct CommonMistakes;

// It needs the paused clock.
#[cfg(feature = "test-util")]
#[doc = include_str!("../../docs/guide/src/testing.md")]
struct Testing;

#[doc = include_str!("../../docs/guide/src/production.md")]
struct Production;

#[doc = include_str!("../../docs/guide/src/differences.md")]
struct Differences;
