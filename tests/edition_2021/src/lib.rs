//! A crate of the edition before. What it does is in its tests.
