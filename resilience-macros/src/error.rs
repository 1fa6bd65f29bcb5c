use syn::{Error, Result};

/// Collects the mistakes in one function, so that one build shows them all.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// The value, or `None` and one more error.
    pub(crate) fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// The value, which is there unless there was a mistake.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T> {
        match self.0 {
            Some(errors) => Err(errors),
            None => Ok(value.expect("what is not there was a mistake")),
        }
    }
}
