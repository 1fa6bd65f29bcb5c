//! `{self}` in a format string, which names a variable without being a token.

use proc_macro2::{Delimiter, Ident, Literal, Span, TokenStream, TokenTree};
use syn::LitStr;

use super::{begins_item, punct, rest_of_item};

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
