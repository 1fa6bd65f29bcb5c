//! The whole macro, run outside of the compiler.

mod editor;
// With the feature `tracing` there is a span around each: see `tracing`.
#[cfg(not(feature = "tracing"))]
mod expansion;
mod keys;
mod places;
mod recovery;
mod refusal;
#[cfg(feature = "tracing")]
mod tracing;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;

use crate::{pipeline, syntax::Kind};

/// What `#[circuit_breaker(arguments)]` makes of `item`.
fn circuit_breaker(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::CircuitBreaker, arguments, item)
}

/// What `#[retry(arguments)]` makes of `item`.
fn retry(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::Retry, arguments, item)
}

/// What `#[bulkhead(arguments)]` makes of `item`.
fn bulkhead(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::Bulkhead, arguments, item)
}

/// What `#[rate_limit(arguments)]` makes of `item`.
fn rate_limit(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::RateLimit, arguments, item)
}

/// What `#[timeout(arguments)]` makes of `item`.
fn timeout(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::Timeout, arguments, item)
}

/// What `#[fallback(arguments)]` makes of `item`.
fn fallback(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::Fallback, arguments, item)
}

/// The messages of the `compile_error!`s in an expansion.
fn messages(expansion: &TokenStream) -> Vec<String> {
    errors(expansion).into_iter().map(|(message, _)| message).collect()
}

/// The same, with the first and the last of what each points at.
fn errors(expansion: &TokenStream) -> Vec<(String, [Span; 2])> {
    let tokens: Vec<TokenTree> = expansion.clone().into_iter().collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_error = at >= 2 && matches!(&tokens[at - 2], TokenTree::Ident(word) if word == "compile_error");
        match token {
            TokenTree::Group(group) if is_error => {
                let message = syn::parse2::<syn::LitStr>(group.stream()).expect("a message").value();
                found.push((message, [tokens[at - 2].span(), group.span()]));
            }
            TokenTree::Group(group) => found.extend(errors(&group.stream())),
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    found
}

/// The messages about `arguments` above a function that they could guard.
fn refused(arguments: TokenStream) -> Vec<String> {
    messages(&circuit_breaker(
        arguments,
        quote!(
            async fn f() -> Result<(), Error> {
                Ok(())
            }
        ),
    ))
}
