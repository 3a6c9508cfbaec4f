//! Promises of the types: what must not compile. The messages beside them are those of the pinned toolchain.

#[test]
fn promises_of_the_types() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
