//! The function as it was written, plus what is wrong with it: its callers compile, an editor keeps working inside it,
//! and nothing but the mistake lights up.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::quote;
use syn::Error;

use crate::{
    expand,
    syntax::{self, Written},
};

/// What was `written` without our attributes. It may be anything: half a function has no syntax yet.
pub(crate) fn as_written(written: &Written, errors: Option<&Error>) -> TokenStream {
    let kept = &written.kept;
    let function = beginning_with(&expand::uses(written.taken_paths()), written.function.clone(), Group::span);
    let errors = errors.map(Error::to_compile_error);
    quote!(#(#kept)* #function #errors)
}

/// The `function`, whose body begins with this `statement`, if it is one and has a body. No group can be made with a place for each of its
/// braces: both are where the body's `braces` are said to be.
pub(crate) fn beginning_with(
    statement: &TokenStream,
    function: TokenStream,
    braces: fn(&Group) -> Span,
) -> TokenStream {
    let mut function: Vec<TokenTree> = function.into_iter().collect();
    let is_function = function.iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "fn"));
    if let Some(TokenTree::Group(body)) = function.last_mut()
        && is_function
        && body.delimiter() == Delimiter::Brace
    {
        let (inner_attributes, statements) = syntax::split_inner_attributes(body.stream());
        let mut with_statement = Group::new(Delimiter::Brace, quote!(#inner_attributes #statement #statements));
        with_statement.set_span(braces(body));
        *body = with_statement;
    }
    function.into_iter().collect()
}
