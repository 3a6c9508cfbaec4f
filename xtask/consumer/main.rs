//! A program that uses one crate without the facade. Its output is compared with `expected-output.txt`.

use otp_genserver as _;

fn main() {
    println!("ok");
}
