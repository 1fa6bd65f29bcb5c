//! The user's body, in the one `async` block of the generated function.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;

use super::arguments;
use crate::model::{Guarded, Passing};

/// Runs the body, awaited in the way that `how` says: `let __result: Result<T, Failure<E>> = …;`
pub(super) fn run(guarded: &Guarded, how: impl FnOnce(TokenStream) -> TokenStream) -> TokenStream {
    let awaited = how(future(guarded));
    let reborrowed = arguments::reborrowed_for_body(guarded);
    let awaited = match reborrowed.is_empty() {
        true => awaited,
        false => quote_spanned!(Span::mixed_site()=> { #reborrowed #awaited }),
    };
    // A return type that is no `Result` is an error about that type.
    let result = Ident::new("__result", super::located_at(guarded.target.result.span()));
    quote_spanned! {Span::mixed_site()=>
        let __result = #awaited;
        let __result = __resilience::called(#result);
    }
}

/// `async move { … }`, in which `?` and `return` mean what they meant in the function.
fn future(guarded: &Guarded) -> TokenStream {
    let result = nameable(guarded.target.result.to_token_stream());
    let taken_apart = arguments::taken_apart(guarded);
    let receiver = guarded.target.arguments.first().filter(|first| first.is_receiver());
    let is_reborrowed = receiver.is_some_and(|receiver| receiver.passing == Passing::Reborrowed);
    let body = &guarded.function.body;
    let statements = match is_reborrowed && guarded.fallback.is_some() {
        true => with_reborrowed_self(body.statements.clone()),
        false => body.statements.clone(),
    };
    let mut block = Group::new(Delimiter::Brace, statements);
    block.set_span(super::located_at(body.span));
    // A block has no place for its type; a `return` that never happens gives it one. The body is a block of its own, so
    // that its items do not come after a statement.
    quote_spanned! {Span::mixed_site()=>
        async move {
            if let __resilience::Some(__result) = __resilience::None::<#result> {
                return __result;
            }
            #taken_apart
            #block
        }
    }
}

/// A type as it can be written inside of a function.
///
/// ```text
/// // Input:  Result<impl Iterator<Item = u8>, Error>
/// // Output: Result<_, Error>
/// ```
pub(super) fn nameable(ty: TokenStream) -> TokenStream {
    let mut output = TokenStream::new();
    let mut tokens = ty.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "impl" => {
                output.extend([TokenTree::Ident(Ident::new("_", word.span()))]);
                let mut depth = 0;
                let mut before = ' ';
                while let Some(token) = tokens.peek() {
                    let punct = if let TokenTree::Punct(punct) = token { punct.as_char() } else { ' ' };
                    match punct {
                        '<' => depth += 1,
                        '>' if before == '-' => {}
                        '>' | ',' if depth == 0 => break,
                        '>' => depth -= 1,
                        _ => {}
                    }
                    before = punct;
                    tokens.next();
                }
            }
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), nameable(group.stream()));
                inside.set_span(group.span());
                output.extend([TokenTree::Group(inside)]);
            }
            token => output.extend([token]),
        }
    }
    output
}

/// The body with the name of the reborrow in the place of `self`, which cannot be shadowed.
///
/// ```text
/// // Input:  self.total += { fn twice(self) { … } 1 };
/// // Output: __self.total += { fn twice(self) { … } 1 };
/// ```
///
/// Items have a `self` of their own, and a path's `self::` is a module. A `{self}` inside of a format string is not
/// seen.
fn with_reborrowed_self(body: TokenStream) -> TokenStream {
    let mut output = TokenStream::new();
    let mut tokens = body.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "self" => {
                let is_module = matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                let word = if is_module { word } else { arguments::reborrowed_self(word.span()) };
                output.extend([TokenTree::Ident(word)]);
            }
            TokenTree::Ident(word) if begins_item(&word, tokens.peek()) => {
                output.extend([TokenTree::Ident(word)]);
                output.extend(rest_of_item(&mut tokens));
            }
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), with_reborrowed_self(group.stream()));
                inside.set_span(group.span());
                output.extend([TokenTree::Group(inside)]);
            }
            token => output.extend([token]),
        }
    }
    output
}

/// Whether an item with functions in it begins here. `fn` also begins the type of a function pointer.
fn begins_item(word: &Ident, next: Option<&TokenTree>) -> bool {
    match &*word.to_string() {
        "impl" | "trait" | "mod" => true,
        "fn" => matches!(next, Some(TokenTree::Ident(_))),
        _ => false,
    }
}

/// The tokens up to the item's body, or to the semicolon of an item without one.
fn rest_of_item(tokens: &mut impl Iterator<Item = TokenTree>) -> TokenStream {
    let mut rest = TokenStream::new();
    // Braces between angle brackets are constants: `impl Buffer<{ 2 * N }> { … }`.
    let mut depth = 0;
    let mut before = ' ';
    for token in tokens {
        let punct = if let TokenTree::Punct(punct) = &token { punct.as_char() } else { ' ' };
        match punct {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        before = punct;
        let ends = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && depth == 0,
            _ => punct == ';' && depth == 0,
        };
        rest.extend([token]);
        if ends {
            break;
        }
    }
    rest
}
