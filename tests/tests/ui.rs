//! What compiles and what does not, one rule a file, and the words in which the compiler says so.
//!
//! `TRYBUILD=overwrite cargo test -p tests --test ui` renews the words. They were recorded with the toolchain that CI
//! uses; another compiler may word its own part differently.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
