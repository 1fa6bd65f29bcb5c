//! How a body uses `self`, as far as its tokens say: `{self}` in a format string names it without being a token, and some uses move it.

use proc_macro2::{Delimiter, Ident, Literal, Span, TokenStream, TokenTree};
use syn::LitStr;

use super::{begins_item, has_word, punct, rest_of_item};

/// Macros that are known to take a format string, and arguments with names after it: of the standard library, and of tracing, log,
/// anyhow and eyre.
const FORMAT_MACROS: [&str; 31] = [
    "format",
    "format_args",
    "print",
    "println",
    "eprint",
    "eprintln",
    "write",
    "writeln",
    "panic",
    "todo",
    "unimplemented",
    "unreachable",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "log",
    "anyhow",
    "bail",
    "ensure",
    "eyre",
    "warn_span",
    "error_span",
];

pub(crate) fn is_format_macro(name: &Ident) -> bool {
    FORMAT_MACROS.iter().any(|known| name == known)
}

/// The same string with `{__self}` in the place of `{self}`, if that is in it.
pub(crate) fn captures_self(literal: &Literal) -> Option<TokenTree> {
    const CAPTURED: &str = "self";
    let text = syn::parse_str::<LitStr>(&literal.to_string()).ok()?.value();
    let (mut renamed, mut rest) = (String::new(), &*text);
    let mut is_captured = false;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open + 1);
        renamed.push_str(before);
        rest = after;
        if let Some(escaped) = rest.strip_prefix('{') {
            renamed.push('{');
            rest = escaped;
        } else if let Some(after) = rest.strip_prefix(CAPTURED)
            && after.trim_start().starts_with(['}', ':'])
        {
            renamed.push_str("__self");
            rest = after;
            is_captured = true;
        }
    }
    renamed.push_str(rest);
    let mut renamed = Literal::string(&renamed);
    renamed.set_span(literal.span());
    is_captured.then(|| renamed.into())
}

/// Where `{self}` stands in a string of a macro that is not known to format it. Items have a `self` of their own.
pub(crate) fn unseen_captures(body: TokenStream) -> Vec<Span> {
    let mut found = Vec::new();
    let mut tokens = body.into_iter().peekable();
    let mut before: [Option<TokenTree>; 2] = [None, None];
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Ident(word) if begins_item(word, tokens.peek()) => drop(rest_of_item(&mut tokens)),
            TokenTree::Group(group) => {
                let is_unknown = matches!(
                    &before,
                    [Some(TokenTree::Ident(name)), Some(bang)] if punct(bang) == '!' && !is_format_macro(name)
                );
                if is_unknown && group.delimiter() != Delimiter::None {
                    found.extend(captures_among(group.stream()));
                }
                found.extend(unseen_captures(group.stream()));
            }
            _ => {}
        }
        let [_, last] = before;
        before = [last, Some(token)];
    }
    found
}

fn captures_among(arguments: TokenStream) -> impl Iterator<Item = Span> {
    arguments.into_iter().filter_map(|token| match token {
        TokenTree::Literal(literal) => captures_self(&literal).map(|_| literal.span()),
        _ => None,
    })
}

/// Whether a body may move its `&mut self`, which could not be lent to it again: where `self` is a value of its own, and not the
/// beginning of a place or of a borrow, and where something is `move`. What macros make of it is not known, and is taken to borrow.
pub(crate) fn may_move_self(body: TokenStream) -> bool {
    has_word(body.clone(), &|word| word == "move") || has_moved_self(body, false)
}

/// `is_lent` says that these are the arguments of a method of its own, by its path: those say that they borrow.
fn has_moved_self(body: TokenStream, is_lent: bool) -> bool {
    let mut tokens = body.into_iter().peekable();
    let mut before = None;
    let mut is_own_path = false;
    while let Some(token) = tokens.next() {
        let is_after = |char: char| before.as_ref().is_some_and(|before| punct(before) == char);
        let is_after_word = |word: &str| matches!(&before, Some(TokenTree::Ident(before)) if before == word);
        match &token {
            TokenTree::Ident(word) if word == "self" => {
                let is_place = tokens.peek().is_some_and(|next| match next {
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Bracket,
                    next => matches!(punct(next), '.' | ':'),
                });
                if !is_lent && !is_place && !is_after('&') && !is_after('*') && !is_after_word("mut") {
                    return true;
                }
            }
            TokenTree::Ident(word) if begins_item(word, tokens.peek()) => drop(rest_of_item(&mut tokens)),
            TokenTree::Group(group) => {
                let is_of_macro = is_after('!');
                let is_visibility = is_after_word("pub");
                if !is_of_macro && !is_visibility && has_moved_self(group.stream(), is_own_path) {
                    return true;
                }
            }
            _ => {}
        }
        is_own_path = match &token {
            TokenTree::Ident(word) => word == "Self" || is_own_path,
            token => is_own_path && punct(token) == ':',
        };
        before = Some(token);
    }
    false
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn a_format_string_names_self_between_braces_and_what_is_escaped_does_not() {
        for (text, renamed) in [
            ("", None),
            ("self", None),
            ("{}", None),
            ("{self}", Some("{__self}")),
            ("a {self} b {self:?} {}", Some("a {__self} b {__self:?} {}")),
            ("{self }", Some("{__self }")),
            ("{self :>3}", Some("{__self :>3}")),
            ("{{self}}", None),
            ("{{{self}}}", Some("{{{__self}}}")),
            ("{{{{self}}}}", None),
            ("{self.a}", None),
            ("{selfish}", None),
            ("{ self}", None),
            ("{other} {self", None),
            ("{other:?} {self}", Some("{other:?} {__self}")),
            ("é{self}é", Some("é{__self}é")),
        ] {
            let found = captures_self(&Literal::string(text)).map(|literal| literal.to_string());
            assert_eq!(found, renamed.map(|text| Literal::string(text).to_string()), "{text}");
        }
        assert!(
            captures_self(&Literal::u8_unsuffixed(1)).is_none() && captures_self(&Literal::character('{')).is_none()
        );
    }

    /// Those in the strings of macros of which nobody knows whether they format.
    #[test]
    fn a_capture_is_unseen_in_a_macro_that_is_not_known() {
        for (body, unseen) in [
            (quote!(), 0),
            (quote!(say!("{self}")), 1),
            (quote!(a.b(); say!("{self}", "{self:?}", x); { say! { "{self}" } }), 3),
            (quote!(say!["{self}"]), 1),
            (quote!(say!("{{self}}", "{other}")), 0),
            (quote!(println!("{self}"); my::println!("{self}")), 0),
            (quote!(log::say!("{self}")), 1),
            (quote!(say("{self}"); !("{self}"); a != ("{self}")), 0),
            (quote!(outer!(say!("{self}"))), 1),
            // An item has a `self` of its own.
            (
                quote!(
                    fn f(&self) {
                        say!("{self}")
                    },
                    say!("{self}")
                ),
                1,
            ),
            (quote!(impl A { fn f(&self) { say!("{self}") } }), 0),
        ] {
            assert_eq!(unseen_captures(body.clone()).len(), unseen, "{body}");
        }
    }

    #[test]
    fn macros_that_format_are_known_by_their_names() {
        for (name, is_one) in
            [("format", true), ("error_span", true), ("ensure", true), ("say", false), ("forma", false)]
        {
            assert_eq!(is_format_macro(&Ident::new(name, Span::call_site())), is_one, "{name}");
        }
    }

    #[test]
    fn a_self_that_may_be_moved() {
        for (body, moves) in [
            (quote!(self.a.b(&self, &mut self, *self, self[0], self::a()).await), false),
            (
                quote!(
                    use std::fmt::{self, Write};,
                    struct Held {
                        pub(self) a: u8,
                    },
                    fn f(self) {
                        self
                    },
                    |a| self.a
                ),
                false,
            ),
            (quote!(info!(?self); println!("{self}"); assert!(f(self))), false),
            (quote!(!self.is_open()), false),
            (quote!(let this = self;), true),
            (quote!(Self::next(self, a).await), false),
            (quote!(Self::next(Some(self)).await), true),
            (quote!(next(self).await), true),
            (
                quote!({
                    if a {
                        (1, self)
                    }
                }),
                true,
            ),
            (quote!(wait(async move { self.a }).await), true),
            (quote!(self), true),
            (quote!(f(&mut self)), false),
            (quote!(f(&self)), false),
            (quote!(f(*self)), false),
            (quote!(f(mut self)), false),
            (quote!(self::f()), false),
            (quote!(self[0]), false),
            (quote!(self(0)), true),
            (quote!(self { a }), true),
            (quote!(Self::a::next(self)), false),
            (quote!(Other::next(self)), true),
            (quote!(Self(self)), false),
            (quote!(Self::next(a)(self)), true),
            (quote!(pub(self) struct A;, self.b), false),
            (quote!(f!(self); g(self)), true),
            (quote!(if self == &other {}), true),
        ] {
            assert_eq!(may_move_self(body.clone()), moves, "{body}");
        }
    }
}
