//! Keys have one type.

use otp_ets::Set;

fn main() {
    let set = Set::<String, u32>::new().unwrap();
    set.insert("a".to_owned(), 1).unwrap();
    set.insert(1, 1).unwrap();
}
