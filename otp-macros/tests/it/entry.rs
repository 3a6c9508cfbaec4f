//! `#[main]` and `#[test]`: the options they pass on, and the bodies they run.

use std::num::ParseIntError;

use crate::otp::__private::{Flavor, LAST, Options};
use crate::otp::yield_now;

fn options() -> Options {
    LAST.get().expect("nothing ran on this thread")
}

mod plain {
    #[otp_macros::main(crate = crate::otp)]
    pub(super) async fn main() {}
}

mod tuned {
    use super::*;

    /// `?` knows the return type, as in any `async fn`.
    #[otp_macros::main(flavor = "multi_thread", worker_threads = 4, crate = "crate::otp")]
    pub(super) async fn main() -> Result<u8, Box<dyn std::error::Error>> {
        yield_now().await;
        let number: u8 = "7".parse()?;
        Ok(number)
    }
}

mod paused {
    #[otp_macros::main(flavor = "current_thread", start_paused = true, crate = crate::otp)]
    pub(super) async fn main() {}
}

#[test]
fn the_default_of_main() {
    plain::main();
    let expected = Options { flavor: Flavor::MultiThread, worker_threads: None, start_paused: false };
    assert_eq!(options(), expected);
}

#[test]
fn all_options_of_main() {
    assert_eq!(tuned::main().unwrap(), 7);
    let expected = Options { flavor: Flavor::MultiThread, worker_threads: Some(4), start_paused: false };
    assert_eq!(options(), expected);
    paused::main();
    let expected = Options { flavor: Flavor::CurrentThread, worker_threads: None, start_paused: true };
    assert_eq!(options(), expected);
}

#[otp_macros::test(crate = crate::otp)]
async fn a_test_runs_on_the_current_thread() {
    yield_now().await;
    let expected = Options { flavor: Flavor::CurrentThread, worker_threads: None, start_paused: false };
    assert_eq!(options(), expected);
}

#[otp_macros::test(start_paused = true, crate = crate::otp)]
async fn a_test_may_fail_with_an_error() -> Result<(), ParseIntError> {
    assert!(options().start_paused);
    "7".parse::<u8>()?;
    Ok(())
}

#[otp_macros::test(flavor = "multi_thread", worker_threads = 2, crate = crate::otp)]
#[should_panic(expected = "on purpose")]
async fn other_attributes_stay() {
    assert_eq!(options().worker_threads, Some(2));
    panic!("on purpose");
}
