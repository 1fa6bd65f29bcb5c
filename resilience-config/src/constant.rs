//! Constants of the user's own, for keys that take several types.

use std::time::Duration;

use crate::Window;

/// A constant expression of a user's, for a key that takes several types. A macro cannot see the type, and traits have
/// no const functions, so each type has an inherent one.
#[derive(Clone, Copy, Debug)]
pub struct Constant<T>(pub T);

// No more number types than these: a literal in an expression, as in `25 + 25`, would fit several then.
impl Constant<f64> {
    /// The number itself.
    #[must_use]
    pub const fn number(self) -> f64 {
        self.0
    }
}

impl Constant<u32> {
    /// The same number.
    #[must_use]
    pub const fn number(self) -> f64 {
        self.0 as f64
    }

    /// A count window.
    #[must_use]
    pub const fn window(self) -> Window {
        Window::Count(self.0)
    }
}

impl Constant<Duration> {
    /// A time window.
    #[must_use]
    pub const fn window(self) -> Window {
        Window::Time(self.0)
    }
}

impl Constant<Window> {
    /// The window itself.
    #[must_use]
    pub const fn window(self) -> Window {
        self.0
    }
}

/// Text is read in an attribute, and nowhere else. What would be a type error in the compiler's words is said in ours.
impl Constant<&str> {
    /// Refused.
    ///
    /// # Panics
    ///
    /// Always.
    #[must_use]
    #[track_caller]
    pub const fn number(self) -> f64 {
        panic!("this key must be a number, but the constant is a string")
    }

    /// Refused.
    ///
    /// # Panics
    ///
    /// Always.
    #[must_use]
    #[track_caller]
    pub const fn window(self) -> Window {
        panic!(
            "`window` must be a constant `Duration` or a number of calls, but this constant is a string; write the string in the attribute, or make the constant a `Duration`"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_SECONDS: Duration = Duration::from_secs(10);

    #[test]
    fn a_constant_is_what_its_type_says() {
        assert_eq!((Constant(0.5).number(), Constant(25_u32).number()), (0.5, 25.0));
        assert_eq!(Constant(100_u32).window(), Window::Count(100));
        assert_eq!(Constant(TEN_SECONDS).window(), Window::Time(TEN_SECONDS));
        for window in [Window::None, Window::Count(3), Window::Time(TEN_SECONDS)] {
            assert_eq!(Constant(window).window(), window);
        }
    }

    #[test]
    #[should_panic(expected = "this key must be a number, but the constant is a string")]
    fn a_string_is_no_number() {
        let _ = Constant("50").number();
    }

    #[test]
    #[should_panic(expected = "write the string in the attribute, or make the constant a `Duration`")]
    fn a_string_is_no_window() {
        let _ = Constant("10s").window();
    }
}
