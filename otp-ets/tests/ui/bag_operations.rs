//! Bags have no counters, no elements to update, no order, and rows that cannot be replaced.

use otp_ets::{Bag, CounterOp};

fn main() {
    let bag = Bag::<u32, u32>::new().unwrap();
    bag.select_replace(|_, n| Some(n + 1)).unwrap();
    bag.update_counter(&1, CounterOp::by(1)).unwrap();
    bag.update_element(&1, |n| *n = 2).unwrap();
}
