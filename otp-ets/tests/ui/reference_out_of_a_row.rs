//! Nothing leaves a table by reference.

use otp_ets::Set;

fn main() {
    let set = Set::<u32, String>::new().unwrap();
    let text: Option<&str> = set.lookup_element(&1, |row| row.as_str()).unwrap();
    drop(text);
}
