//! The strict crate once more, in the edition before.

#[path = "../../tests/lints.rs"]
mod lints;
