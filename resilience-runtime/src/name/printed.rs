//! A key as it is told apart: its whole text, printed once.

use super::Name;
use super::hasher::KeyHasher;
use super::key::{Escaping, Instance, Key};
use super::words::{WORD_BYTES, last_word, words_of};
use std::any::TypeId;
use std::borrow::Cow;
use std::fmt::{self, Display, Write};
use std::marker::PhantomData;

/// Words of a text that need no allocation.
pub(crate) const INLINE_WORDS: usize = 8;
const INLINE_BYTES: usize = INLINE_WORDS * WORD_BYTES;
/// The longest key that has an instance of its own.
const MAX_KEY_BYTES: usize = 1024;

/// A key as text: on the stack, unless it is long.
///
/// In whole words, which are compared and hashed as they are: a processor waits where a word is read that was written byte by byte.
#[derive(Clone)]
pub struct PrintedKey {
    /// Eight bytes a word, the first one lowest, and zeros behind the last.
    inline: [u64; INLINE_WORDS],
    /// Of the whole text, in bytes.
    length: usize,
    /// The whole text, where `inline` is too small for it and it is not too long; otherwise empty, and no `Option`, of which what is not there would be copied too.
    long: String,
    is_tuple: bool,
}

impl PrintedKey {
    /// Of which nothing is printed yet.
    #[inline]
    pub(crate) fn new() -> Self {
        Self { inline: [0; INLINE_WORDS], length: 0, long: String::new(), is_tuple: false }
    }

    pub(crate) fn print<Fit>(key: &(impl PolicyKey<Fit> + ?Sized)) -> Self {
        let mut printed = Self::new();
        key.print(&mut printed);
        printed
    }

    /// As it was saved.
    #[cfg(feature = "persistence")]
    pub(crate) fn of(text: &str, is_tuple: bool) -> Self {
        Self { is_tuple, ..Self::print(text) }
    }

    /// `None` where it is longer than [`MAX_KEY_BYTES`].
    #[inline]
    pub(crate) fn found(&self) -> Option<FoundKey<'_>> {
        (self.length <= MAX_KEY_BYTES).then_some(FoundKey(self))
    }

    /// Of those that are too long, it tells most apart.
    #[inline(always)]
    pub(crate) fn hash(&self, hasher: &KeyHasher) -> u64 {
        match &*self.long {
            "" => hasher.hash(self.shape(), self.words().iter().copied()),
            long => hasher.hash(self.shape(), words_of(long.as_bytes())),
        }
    }

    /// What tells it from other keys with the same words.
    #[inline]
    fn shape(&self) -> u64 {
        self.length as u64 * 2 + u64::from(self.is_tuple)
    }

    /// Those that are inline; of an empty text one.
    #[inline]
    fn words(&self) -> &[u64] {
        &self.inline[..self.length.div_ceil(WORD_BYTES).clamp(1, INLINE_WORDS)]
    }

    /// Where it is so short, as most are, that looking for it takes no loop.
    #[inline(always)]
    pub(crate) fn in_a_word(&self) -> Option<KeyWord> {
        (self.length <= WORD_BYTES).then(|| KeyWord { shape: self.shape(), words: [self.inline[0]] })
    }

    /// What was written so far, of which so many bytes are inline.
    fn inline_text(&self, length: usize) -> String {
        let bytes = self.inline.iter().flat_map(|word| word.to_le_bytes()).take(length);
        String::from_utf8(bytes.collect()).unwrap_or_default()
    }

    /// Puts the text behind so many bytes. There has to be room.
    #[inline]
    fn put(&mut self, mut at: usize, text: &[u8]) {
        let (words, rest) = text.as_chunks();
        for word in words {
            self.put_word(at, u64::from_le_bytes(*word));
            at += WORD_BYTES;
        }
        if !rest.is_empty() {
            self.put_word(at, last_word(text, rest));
        }
    }

    #[inline]
    fn put_word(&mut self, at: usize, word: u64) {
        let (index, shift) = (at / WORD_BYTES, at % WORD_BYTES * 8);
        if let Some(here) = self.inline.get_mut(index) {
            *here |= word << shift;
        }
        if shift > 0
            && let Some(next) = self.inline.get_mut(index + 1)
        {
            *next |= word >> (u64::BITS as usize - shift);
        }
    }

    /// As it is displayed; as a part of a tuple, escaped.
    #[inline]
    fn write_value<K: Display + ?Sized>(&mut self, value: &K, is_part: bool) -> fmt::Result {
        match Unformatted::of(value) {
            Some(Unformatted::Number(number)) => self.write_number(number),
            Some(Unformatted::Signed(number)) => self.write_signed(number),
            Some(Unformatted::Text(text)) if is_part => Escaping(self).write_str(text),
            Some(Unformatted::Text(text)) => self.write_str(text),
            None if is_part => write!(Escaping(self), "{value}"),
            None => write!(self, "{value}"),
        }
    }

    /// As it is displayed.
    #[inline(always)]
    fn write_number(&mut self, number: u64) -> fmt::Result {
        match number {
            // The commonest, which need not wait for all the divisions of a large one.
            0..10 => self.write_word(u64::from(b'0') + number, 1),
            10..100 => {
                let (tens, ones) = (number / 10, number % 10);
                self.write_word(u64::from(u16::from_le_bytes(*b"00")) + (ones << 8 | tens), 2)
            }
            _ => self.write_large_number(number),
        }
    }

    #[inline(never)]
    fn write_large_number(&mut self, number: u64) -> fmt::Result {
        const WORDFUL: u64 = 100_000_000;
        if number < WORDFUL {
            return self.write_digits(number, 1);
        }
        self.write_number(number / WORDFUL)?;
        self.write_digits(number % WORDFUL, WORD_BYTES)
    }

    fn write_signed(&mut self, number: i64) -> fmt::Result {
        if number < 0 {
            self.write_str("-")?;
        }
        self.write_number(number.unsigned_abs())
    }

    /// Eight digits at most, and so many at least.
    #[inline]
    fn write_digits(&mut self, number: u64, least: usize) -> fmt::Result {
        const ZEROS: u64 = u64::MAX / 0xff * b'0' as u64;
        let digits = digits(number);
        let zeros = (digits.trailing_zeros() as usize / 8).min(WORD_BYTES - least);
        let (word, length) = ((digits | ZEROS) >> (8 * zeros), WORD_BYTES - zeros);
        self.write_word(word, length)
    }

    /// So many of its bytes, behind which there are zeros, and which are ASCII.
    #[inline]
    fn write_word(&mut self, word: u64, length: usize) -> fmt::Result {
        let before = self.length;
        self.length += length;
        if self.length > INLINE_BYTES {
            let bytes = word.to_le_bytes();
            return self.write_long(before, std::str::from_utf8(&bytes[..length]).unwrap_or_default());
        }
        self.put_word(before, word);
        Ok(())
    }

    /// Text of which not all has room.
    #[cold]
    fn write_long(&mut self, before: usize, text: &str) -> fmt::Result {
        let room = INLINE_BYTES.saturating_sub(before).min(text.len());
        self.put(before, &text.as_bytes()[..room]);
        if self.length > MAX_KEY_BYTES {
            self.long = String::new();
            return Err(fmt::Error);
        }
        if self.long.is_empty() {
            self.long = self.inline_text(before);
        }
        self.long.push_str(text);
        Ok(())
    }
}

/// The eight digits of a number below 10^8, a byte each, the highest one first. In parts, of which all are divided at once: by a multiplication and a shift that are exact for numbers so small.
#[inline]
fn digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0xf_000f_000f_000f;
    tens | ((twos - tens * 10) << 8)
}

/// What is printed without a formatter, which takes longer than all the rest.
enum Unformatted<'k> {
    Text(&'k str),
    Number(u64),
    Signed(i64),
}

impl<'k> Unformatted<'k> {
    /// Of the types that keys are nearly always of, and of references to them, as the parts of a tuple are. The compiler knows which it is.
    #[inline(always)]
    fn of<K: ?Sized>(value: &'k K) -> Option<Self> {
        macro_rules! or_referred {
            ($($referred:ty)*) => {
                Self::of_value(value)$(.or_else(|| Self::of_value(*referred::<$referred, K>(value)?)))*
            };
        }
        or_referred!(str String u64 u32 u16 u8 usize i64 i32 i16 i8 isize)
            .or_else(|| referred_text(value).map(Self::Text))
    }

    #[inline(always)]
    fn of_value<K: ?Sized>(value: &'k K) -> Option<Self> {
        castaway::match_type!(value, {
            &str as text => Some(Self::Text(text)),
            &String as text => Some(Self::Text(text)),
            &u64 as number => Some(Self::Number(*number)),
            &u32 as number => Some(Self::Number(u64::from(*number))),
            &u16 as number => Some(Self::Number(u64::from(*number))),
            &u8 as number => Some(Self::Number(u64::from(*number))),
            &usize as number => Some(Self::Number(*number as u64)),
            &i64 as number => Some(Self::Signed(*number)),
            &i32 as number => Some(Self::Signed(i64::from(*number))),
            &i16 as number => Some(Self::Signed(i64::from(*number))),
            &i8 as number => Some(Self::Signed(i64::from(*number))),
            &isize as number => Some(Self::Signed(*number as i64)),
            _ => None,
        })
    }
}

/// The value as the reference to a `T` that it is, if it is one. What can be asked for the type of a value that may borrow is only told of a type that does not.
#[inline(always)]
fn referred<'k, T: ?Sized + 'static, K: ?Sized>(value: &'k K) -> Option<&'k &'k T> {
    // SAFETY: ids know no lifetimes, so `K` is `&'a T` for some `'a`. There is a `&'k K`, so that `'a` outlives `'k`, and the reference may be read as one
    // that lives for `'k`.
    #[allow(unsafe_code)]
    (id_of::<K>() == TypeId::of::<&T>()).then(|| unsafe { &*std::ptr::from_ref(value).cast::<&'k T>() })
}

/// The same of a text to which a reference refers.
#[inline(always)]
fn referred_text<'k, K: ?Sized>(value: &'k K) -> Option<&'k str> {
    // SAFETY: as of `referred`: `K` is `&'a &'b str`, and both outlive `'k`.
    #[allow(unsafe_code)]
    (id_of::<K>() == TypeId::of::<&&str>()).then(|| unsafe { **std::ptr::from_ref(value).cast::<&'k &'k str>() })
}

/// The id of a type whose lifetimes are all taken for `'static`.
#[inline(always)]
fn id_of<K: ?Sized>() -> TypeId {
    trait HasId {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<K: ?Sized> HasId for PhantomData<K> {
        #[inline(always)]
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<K>()
        }
    }
    let marker: &dyn HasId = &PhantomData::<K>;
    // SAFETY: only the bound of the object's lifetime changes, which no vtable depends on. Nothing of type `K` is there to outlive anything: all that `id` does is to name the
    // type, and ids know no lifetimes.
    #[allow(unsafe_code)]
    let marker = unsafe { std::mem::transmute::<&(dyn HasId + '_), &(dyn HasId + 'static)>(marker) };
    marker.id()
}

impl Write for PrintedKey {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let before = self.length;
        self.length += text.len();
        if self.length > INLINE_BYTES {
            return self.write_long(before, text);
        }
        self.put(before, text.as_bytes());
        Ok(())
    }
}

/// A key of one word at most.
#[derive(Clone, Copy)]
pub(crate) struct KeyWord {
    pub(crate) shape: u64,
    pub(crate) words: [u64; 1],
}

impl KeyWord {
    #[inline(always)]
    pub(crate) fn hash(&self, hasher: &KeyHasher) -> u64 {
        hasher.hash(self.shape, self.words.into_iter())
    }
}

/// A key that is looked for, and not too long to be there.
#[derive(Clone, Copy)]
pub(crate) struct FoundKey<'k>(&'k PrintedKey);

impl FoundKey<'_> {
    /// With the [words](Self::words) it tells the key from every other, unless it [is long](Self::is_long).
    #[inline]
    pub(crate) fn shape(self) -> u64 {
        self.0.shape()
    }

    #[inline(always)]
    pub(crate) fn hash(self, hasher: &KeyHasher) -> u64 {
        self.0.hash(hasher)
    }

    pub(crate) fn to_key(self) -> Key {
        Key::new(&self.text(), self.0.is_tuple)
    }

    pub(crate) fn is(self, key: &Key) -> bool {
        key.is(&self.text(), self.0.is_tuple)
    }

    fn text(&self) -> Cow<'_, str> {
        match &*self.0.long {
            "" => self.0.inline_text(self.0.length).into(),
            long => long.into(),
        }
    }
}

impl<'k> FoundKey<'k> {
    /// Its beginning, or all of it.
    #[inline]
    pub(crate) fn words(self) -> &'k [u64] {
        self.0.words()
    }

    /// Whether there is more of it than its [words](Self::words).
    #[inline]
    pub(crate) fn is_long(self) -> bool {
        self.0.length > INLINE_BYTES
    }
}

/// The key that whoever looks for one means: the value itself, or a text as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct MeantKey(Option<Key>);

impl MeantKey {
    pub(crate) fn new<Fit>(key: &(impl PolicyKey<Fit> + ?Sized)) -> Self {
        Self::of(&PrintedKey::print(key))
    }

    pub(crate) fn of(printed: &PrintedKey) -> Self {
        Self(printed.found().map(FoundKey::to_key))
    }

    pub(crate) fn is(&self, key: &Key) -> bool {
        let shown = key.to_string();
        self.0.as_ref().is_some_and(|meant| meant == key || !meant.is_tuple() && shown == meant.as_str())
    }
}

impl fmt::Display for MeantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(key) => key.fmt(f),
            // It is too long to have an instance.
            None => f.write_str("…"),
        }
    }
}

impl Instance {
    /// The instance of that key of the policy of that name. The policy itself is made of its name: `"stock".into()`. Of a key that is longer than 1 KiB there is none.
    pub fn of_key<Fit>(name: impl Into<Name>, key: impl PolicyKey<Fit>) -> Self {
        let MeantKey(key) = MeantKey::new(&key);
        Self::new(name.into(), Some(key.unwrap_or_else(|| "…".into())))
    }
}

/// What the `key` of a policy can be: a value that is `Display`, or a tuple of two to eight such values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the `key` of a policy",
    label = "`{Self}` does not implement `Display`",
    note = "use a part of it that implements `Display`, as in `key = order.warehouse`, or several parts, as in `key = (order.tenant, order.warehouse)`"
)]
pub trait PolicyKey<Fit> {
    #[doc(hidden)]
    fn print(&self, to: &mut PrintedKey);
}

/// Marks a key of one value.
#[derive(Debug)]
pub struct OneValue;

/// Marks a tuple.
#[derive(Debug)]
pub struct SeveralValues;

#[diagnostic::do_not_recommend]
impl<K: Display + ?Sized> PolicyKey<OneValue> for K {
    #[inline]
    fn print(&self, to: &mut PrintedKey) {
        // A `Display` that fails has printed what it could.
        let _ = to.write_value(self, false);
    }
}

macro_rules! tuples {
    ($first:ident $($more:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<$first: Display $(, $more: Display)*> PolicyKey<SeveralValues> for ($first, $($more,)*) {
            #[allow(non_snake_case, reason = "a variable is named as its type")]
            fn print(&self, to: &mut PrintedKey) {
                let ($first, $($more,)*) = self;
                to.is_tuple = true;
                let _ = to.write_value($first, true);
                $(
                    let _ = to.write_word(u64::from(u16::from_le_bytes(*b", ")), 2);
                    let _ = to.write_value($more, true);
                )*
            }
        }
    };
}

tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_that_is_too_long_for_an_instance_is_shown_as_cut_off() {
        for (bytes, shown) in [(1024, "k".repeat(1024)), (1025, "…".to_owned())] {
            let key = "k".repeat(bytes);
            assert_eq!(MeantKey::new(&*key).to_string(), shown, "{bytes}");
            assert_eq!(Instance::of_key("stock", &*key).to_string(), format!("stock[{shown}]"), "{bytes}");
        }
    }

    #[test]
    fn a_tuple_is_told_from_every_other_and_from_a_text_that_looks_like_it() {
        let key = |printed: PrintedKey| printed.found().unwrap().to_key();
        let tuple = key(PrintedKey::print(&("acme, 3", 7)));
        assert_eq!((tuple.as_str(), tuple.to_string().as_str()), (r"acme\, 3, 7", r"acme\, 3, 7"));
        let others = [
            key(PrintedKey::print(&("acme", "3, 7"))),
            key(PrintedKey::print(&("acme", 3, 7))),
            key(PrintedKey::print("acme, 3, 7")),
            key(PrintedKey::print(r"acme\, 3, 7")),
        ];
        for (nth, other) in others.iter().enumerate() {
            assert_ne!(*other, tuple);
            assert_ne!(other.to_string(), tuple.to_string());
            assert!(others[..nth].iter().all(|before| before != other && before.to_string() != other.to_string()));
        }
        let long = "x".repeat(600);
        assert!(PrintedKey::print(&(&long, 1)).found().is_some());
        assert!(PrintedKey::print(&(&long, &long)).found().is_none());
    }

    #[test]
    fn a_key_is_meant_by_its_value_and_by_the_text_that_is_shown_of_it() {
        let key = |printed: PrintedKey| printed.found().unwrap().to_key();
        let keys = [
            key(PrintedKey::print(&("acme", 7))),
            key(PrintedKey::print("acme, 7")),
            key(PrintedKey::print(r"acme\, 7")),
            key(PrintedKey::print(&("acme, 7", 7))),
            key(PrintedKey::print("acme")),
        ];
        let means = |meant: MeantKey| keys.iter().map(|key| meant.is(key)).collect::<Vec<_>>();
        // A tuple is itself alone: no text that looks like it.
        assert_eq!(means(MeantKey::new(&("acme", 7))), [true, false, false, false, false]);
        assert_eq!(means(MeantKey::new(&("acme, 7", 7))), [false, false, false, true, false]);
        // A text may have been copied from where a key is shown.
        assert_eq!(means(MeantKey::new("acme, 7")), [true, true, false, false, false]);
        assert_eq!(means(MeantKey::new(r"acme\, 7")), [false, true, true, false, false]);
        assert_eq!(means(MeantKey::new(r"acme\\\, 7")), [false, false, true, false, false]);
        assert_eq!(means(MeantKey::new(r"acme\, 7, 7")), [false, false, false, true, false]);
        assert_eq!(means(MeantKey::new("acme")), [false, false, false, false, true]);
        assert_eq!(means(MeantKey::new(&*"k".repeat(MAX_KEY_BYTES + 1))), [false; 5], "it has no instance");
    }

    struct Pieces(Vec<String>);

    impl Display for Pieces {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.iter().try_for_each(|piece| f.write_str(piece))
        }
    }

    /// Of no type that is known to be printed without a formatter.
    struct Formatted<T>(T);

    impl<T: Display> Display for Formatted<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    proptest! {
        #[test]
        fn what_no_formatter_prints_is_what_one_would(
            text in r"[a-z\],\\ü€\x00-\x1f\x7f-\u{9f}\u{2028}]{0,70}",
            number: u64,
            signed: i64,
            bits in 0..64_u32,
        ) {
            let (number, signed, borrowed) = (number >> bits, signed >> bits, text.as_str());
            let whole = |printed: PrintedKey| (printed.inline, printed.length, printed.long, printed.is_tuple);
            let formatted = whole(PrintedKey::print(&Formatted(borrowed)));
            prop_assert_eq!(&whole(PrintedKey::print(&text)), &formatted);
            prop_assert_eq!(&whole(PrintedKey::print(&&text)), &formatted);
            prop_assert_eq!(&whole(PrintedKey::print(borrowed)), &formatted);
            prop_assert_eq!(&whole(PrintedKey::print(&borrowed)), &formatted);
            let formatted = PrintedKey::print(&(Formatted(borrowed), Formatted(number), Formatted(borrowed), Formatted(signed)));
            let formatted = whole(formatted);
            prop_assert_eq!(&whole(PrintedKey::print(&(&text, number, borrowed, signed))), &formatted);
            prop_assert_eq!(&whole(PrintedKey::print(&(&borrowed, &number, &text, &signed))), &formatted);
            let formatted = PrintedKey::print(&(Formatted(signed), Formatted(number as u8), Formatted(borrowed)));
            prop_assert_eq!(whole(PrintedKey::print(&(signed, number as u8, text))), whole(formatted));
        }

        #[test]
        fn a_number_is_printed_as_it_is_displayed(number: u64, bits in 0..64_u32) {
            let printed = |key: PrintedKey| key.found().unwrap().to_key();
            let number = number >> bits;
            prop_assert_eq!(printed(PrintedKey::print(&number)), &*number.to_string());
            let signed = number as i64;
            prop_assert_eq!(printed(PrintedKey::print(&signed)), &*signed.to_string());
            let small = number as i32;
            prop_assert_eq!(printed(PrintedKey::print(&small)), &*small.to_string());
        }

        #[test]
        fn a_text_is_the_same_in_whatever_pieces_it_is_printed(pieces in prop::collection::vec("[a-zü€]{0,20}", 0..5)) {
            let (whole, pieces) = (pieces.concat(), Pieces(pieces));
            let (one, other) = (PrintedKey::print(&whole), PrintedKey::print(&pieces));
            prop_assert_eq!(one.found().unwrap().to_key(), &*whole);
            prop_assert_eq!((one.inline, one.length, one.long), (other.inline, other.length, other.long));
        }
    }

    #[test]
    fn a_key_is_kept_whole_and_one_that_is_too_long_is_none() {
        let text = |printed: PrintedKey| printed.found().map(|found| found.text().into_owned());
        let print = |key: &str| text(PrintedKey::print(key));
        for length in [0, 1, INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, MAX_KEY_BYTES - 1, MAX_KEY_BYTES] {
            let key = "x".repeat(length);
            assert_eq!(print(&key), Some(key));
        }
        assert_eq!(print(&"x".repeat(MAX_KEY_BYTES + 1)), None);
        let (one, other) = (format!("{}1", "ü€".repeat(40)), format!("{}2", "ü€".repeat(40)));
        assert_eq!((print(&one), print(&other)), (Some(one), Some(other)));
        // In pieces, each of which fits.
        let piece = "y".repeat(50);
        assert_eq!(text(PrintedKey::print(&format_args!("{piece}{piece}"))), Some(format!("{piece}{piece}")));
        let pieces = piece.repeat(20);
        assert_eq!(text(PrintedKey::print(&format_args!("{pieces}{piece}{}", 7))), None);
        assert_eq!(
            text(PrintedKey::print(&format_args!("{pieces}{piece}{piece}{}", ""))),
            None,
            "never what came before"
        );
        let too_long = PrintedKey::print(&format_args!("{pieces}{piece}{}", 7));
        assert_eq!(too_long.long, "", "nor is it kept");
    }
}
