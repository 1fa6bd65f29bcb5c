use std::time::Duration;

use crate::Window;

/// A constant expression of a user's, for a key that takes several types. A macro cannot see the type, and traits have
/// no const functions, so each type has an inherent one.
#[derive(Clone, Copy, Debug)]
pub struct Constant<T>(pub T);

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
