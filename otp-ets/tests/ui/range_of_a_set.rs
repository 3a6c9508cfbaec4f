//! A set has no order, so it has no ranges.

use otp_ets::Set;

fn main() {
    let set = Set::<u32, u32>::new().unwrap();
    set.range(1..5).unwrap();
}
