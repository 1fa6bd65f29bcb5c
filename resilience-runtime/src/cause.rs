//! What a failure says of itself: the text of its error and of that error's sources, on one line, short, and of no harm to whoever asks.

use crate::caught::caught;
use crate::error::Failure;
use crate::name::breaks_a_line;
use std::cell::OnceCell;
use std::error::Error;
use std::fmt::{self, Display, Write};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// How many bytes a [`Cause`] has at most.
pub const MAX_CAUSE_BYTES: usize = 256;

/// How many sources of an error are looked at: a chain may lead back to where it began.
const MAX_SOURCES: usize = 16;

/// What a failure said: the text of its error and of the error's sources, such as `error sending request: connection refused`.
///
/// It has at most [`MAX_CAUSE_BYTES`] bytes, cut at a character, and is one line: control characters are escaped. It is as public as the error's text is: where that
/// may hold a secret, such as a URL with a token, `causes = false` in `resilience.toml` keeps all of them unsaid.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Cause(Arc<str>);

impl Cause {
    /// The text.
    pub fn as_str(&self) -> &str {
        self
    }

    /// Writes what an error says, and what each of its sources does: for [`Pipeline::causes`](crate::Pipeline::causes).
    ///
    /// # Errors
    ///
    /// The text is full, or the error cannot be printed.
    pub fn of_error<E: Error>(error: &E, text: &mut CauseText) -> fmt::Result {
        text.chain(error)
    }
}

impl Deref for Cause {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Escaped and cut as every cause is.
impl From<&str> for Cause {
    fn from(text: &str) -> Self {
        let mut words = CauseText::new();
        // It ends where there is no room for more.
        let _ = words.write_str(text);
        words.cause()
    }
}

impl PartialEq<str> for Cause {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Cause {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Cause {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

/// The text of a [`Cause`] while it is written, on the stack: what is beyond [`MAX_CAUSE_BYTES`] is refused, and control characters are escaped.
#[derive(Clone, Copy)]
pub struct CauseText {
    bytes: [u8; MAX_CAUSE_BYTES],
    length: usize,
    is_full: bool,
}

impl CauseText {
    const fn new() -> Self {
        Self { bytes: [0; MAX_CAUSE_BYTES], length: 0, is_full: false }
    }

    /// What `describe` writes, which runs code of the user's: never under a lock. `None` of one that panics, unless there was no room for what it was about to write.
    fn written(describe: impl FnOnce(&mut Self) -> fmt::Result) -> Option<Self> {
        let mut words = Self::new();
        let described = caught(|| describe(&mut words));
        (words.length > 0 && (described.is_some() || words.is_full)).then_some(words)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    pub(crate) fn cause(&self) -> Cause {
        Cause(self.text().into())
    }

    fn push(&mut self, characters: impl Iterator<Item = char> + Clone) -> fmt::Result {
        let room = MAX_CAUSE_BYTES - self.length;
        self.is_full |= characters.clone().map(char::len_utf8).sum::<usize>() > room;
        if self.is_full {
            return Err(fmt::Error);
        }
        for character in characters {
            self.length += character.encode_utf8(&mut self.bytes[self.length..]).len();
        }
        Ok(())
    }

    /// The error's text and those of its sources; of a source whose text the error's own ends with, no second time.
    fn chain(&mut self, error: &(dyn Error + '_)) -> fmt::Result {
        write!(self, "{error}")?;
        let mut next = error.source();
        for _ in 0..MAX_SOURCES {
            let Some(source) = next else { break };
            let mut words = Self::new();
            let written = write!(words, "{source}");
            if !self.text().ends_with(words.text()) {
                write!(self, ": {}", words.text())?;
            }
            written?;
            next = source.source();
        }
        Ok(())
    }
}

impl fmt::Debug for CauseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}

impl Write for CauseText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match breaks_a_line(character) {
            true => self.push(character.escape_debug()),
            false => self.push(std::iter::once(character)),
        })
    }
}

/// Writes down what an error says.
pub(crate) type Describe<E> = fn(&E, &mut CauseText) -> fmt::Result;

/// Of an error of which nothing is known.
pub fn undescribed<E>(_: &E, _: &mut CauseText) -> fmt::Result {
    Ok(())
}

/// Why a call has failed, written down when somebody wants to know, and once.
pub(crate) struct Because<'a> {
    describe: &'a dyn Fn(&mut CauseText) -> fmt::Result,
    words: OnceCell<Option<CauseText>>,
}

impl<'a> Because<'a> {
    pub(crate) fn new(describe: &'a dyn Fn(&mut CauseText) -> fmt::Result) -> Self {
        Self { describe, words: OnceCell::new() }
    }

    /// What was written. This may run code of the user's: never under a lock.
    pub(crate) fn words(&self) -> Option<&CauseText> {
        self.words.get_or_init(|| CauseText::written(self.describe)).as_ref()
    }

    /// Likewise.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.words().map(CauseText::cause)
    }
}

/// What an error says, by how it can be described. This may run code of the user's: never under a lock.
pub(crate) fn cause_of<E>(error: &E, describe: Describe<E>) -> Option<Cause> {
    Because::new(&|words| describe(error, words)).cause()
}

/// An error type, asked how it can be described. The method is that of the first of these for which it holds what is demanded, since the compiler passes over one that
/// does not fit and looks further behind the next reference. So a generated function, which knows the type, finds it out without demanding anything of it. A reference is
/// less work for the compiler than a type that dereferences to the next.
///
/// | type | what is written |
/// |---|---|
/// | an [`Error`] | its text and those of its sources |
/// | what hides one, such as `anyhow::Error` or `Box<dyn Error + Send + Sync>` | the same of the one that it hides |
/// | [`Display`] | its text |
/// | any other | nothing |
pub(crate) type ErrorOf<'a, E> = &'a &'a &'a &'a ErrorType<E>;

/// Behind the references.
#[derive(Debug)]
pub struct ErrorType<E>(PhantomData<fn(&E)>);

impl<E> Clone for ErrorType<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for ErrorType<E> {}

impl<E> ErrorType<E> {
    /// Behind as many references as there are questions but one.
    #[inline(always)]
    pub(crate) fn asked<'a>() -> ErrorOf<'a, E>
    where
        E: 'a,
    {
        &&&&Self(PhantomData)
    }
}

/// The error type of a guarded function, by its result on the way outward.
#[inline(always)]
pub fn error_of<'a, T, E: 'a>(_: &Result<T, Failure<E>>) -> ErrorOf<'a, E> {
    ErrorType::asked()
}

/// A question about an error type that is behind a number of references.
pub trait DescribeError<E> {
    /// How it is described.
    fn describe_error(self) -> Describe<E>;
}

impl<E: Error> DescribeError<E> for ErrorOf<'_, E> {
    #[inline(always)]
    fn describe_error(self) -> Describe<E> {
        Cause::of_error
    }
}

impl<E: AsRef<dyn Error + Send + Sync>> DescribeError<E> for &&&ErrorType<E> {
    #[inline(always)]
    fn describe_error(self) -> Describe<E> {
        |error, words| words.chain(error.as_ref())
    }
}

impl<E: AsRef<dyn Error>> DescribeError<E> for &&ErrorType<E> {
    #[inline(always)]
    fn describe_error(self) -> Describe<E> {
        |error, words| words.chain(error.as_ref())
    }
}

impl<E: Display> DescribeError<E> for &ErrorType<E> {
    #[inline(always)]
    fn describe_error(self) -> Describe<E> {
        |error, words| write!(words, "{error}")
    }
}

impl<E> DescribeError<E> for ErrorType<E> {
    #[inline(always)]
    fn describe_error(self) -> Describe<E> {
        undescribed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_being_written_is_shown_as_far_as_it_goes() {
        let mut words = CauseText::new();
        assert_eq!(format!("{words:?}"), "\"\"");
        words.write_str("refused\n").unwrap();
        assert_eq!(format!("{words:?}"), "\"refused\\\\n\"");
    }
}
