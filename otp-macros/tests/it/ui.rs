//! Each misuse is an error that says what to write: `tests/ui/*.rs` and the messages beside them.

#[test]
fn misuses() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
