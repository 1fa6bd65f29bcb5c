//! Tests of the whole library, each in `tests/`.
