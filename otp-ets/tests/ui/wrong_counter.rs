//! Counters are integers.

use otp_ets::{CounterOp, Set};

fn main() {
    let set = Set::<u32, (f64, u32)>::new().unwrap();
    set.update_counter(&1, CounterOp::field(|row: &mut (f64, u32)| &mut row.0, 1)).unwrap();
}
