//! A crate that has renamed the runtime in its Cargo.toml. What it does is in its tests.
