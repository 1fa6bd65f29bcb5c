//! How keys are hashed: fast, and in a way that nobody can foretell from outside.
//!
//! Whoever sends requests chooses keys, so the hash has two secret numbers of its own: keys that fall together for one policy do not for another, nor in
//! the next process. Each word is mixed in by a multiplication of 64 by 64 bits whose halves are folded together, as in wyhash and foldhash.

use std::hash::{BuildHasher, RandomState};

pub(crate) struct KeyHasher {
    first: u64,
    second: u64,
}

impl KeyHasher {
    pub(crate) fn new() -> Self {
        let random = RandomState::new();
        Self { first: random.hash_one(1), second: random.hash_one(2) }
    }

    /// Of a text in words of eight bytes, which `shape` tells from others with the same words.
    #[inline(always)]
    pub(super) fn hash(&self, shape: u64, words: impl Iterator<Item = u64>) -> u64 {
        let mixed = words.fold(self.first ^ shape, |mixed, word| folded(mixed ^ word, self.second));
        // Once more, so that each bit of the last word is in all bits.
        folded(mixed, self.first)
    }
}

#[inline]
fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product >> 64) as u64 ^ product as u64
}
