//! Enums whose variants are written as words: a row a variant, of which everything is made that has to know them all.

macro_rules! words {
    ($(#[$doc:meta])* pub enum $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $type {
            /// Every one under the word by which it is written.
            #[doc(hidden)]
            pub const ALL: [(&'static str, Self); [$($word),*].len()] = [$(($word, Self::$variant)),*];

            /// Where it is in [`ALL`](Self::ALL).
            #[doc(hidden)]
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}
