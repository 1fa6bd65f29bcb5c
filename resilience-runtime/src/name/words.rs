//! A text in words of eight bytes, the first byte lowest: a processor waits where a word is read that was written in smaller pieces.

pub(super) const WORD_BYTES: usize = size_of::<u64>();

/// The words of a text, the last one with zeros behind it.
#[inline]
pub(super) fn words_of(text: &[u8]) -> impl Iterator<Item = u64> {
    let (words, rest) = text.as_chunks();
    let last = (!rest.is_empty()).then(|| last_word(text, rest));
    words.iter().map(|word| u64::from_le_bytes(*word)).chain(last)
}

/// What is left of a text behind its last whole word, the first byte lowest. Read at once, with what is before it, or in at most two pieces: no byte by itself but of a text of three.
#[inline]
pub(super) fn last_word(text: &[u8], rest: &[u8]) -> u64 {
    let left_of = |bytes: usize| 8 * (bytes - rest.len()) as u32;
    if let Some(last) = text.last_chunk() {
        return u64::from_le_bytes(*last) >> left_of(WORD_BYTES);
    }
    if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | ((u64::from(last) << 32) >> left_of(WORD_BYTES));
    }
    let (middle, last) = (rest.len() / 2, rest.len() - 1);
    let byte = |at: usize| u64::from(rest[at]) << (8 * at);
    byte(0) | byte(middle) | byte(last)
}
