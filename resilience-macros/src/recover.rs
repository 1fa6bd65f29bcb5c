//! The function as it was written, plus what is wrong with it: its callers compile, an editor keeps working inside it,
//! and nothing but the mistake lights up.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use syn::Error;

use crate::{
    expand,
    syntax::{self, Written},
};

/// What was `written` without our attributes. It may be anything: half a function has no syntax yet.
pub(crate) fn as_written(written: &Written, errors: Option<&Error>) -> TokenStream {
    let kept = &written.kept;
    let mut function: Vec<TokenTree> = written.function.clone().into_iter().collect();
    let is_function = function.iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "fn"));
    if let Some(TokenTree::Group(body)) = function.last_mut()
        && is_function
        && body.delimiter() == Delimiter::Brace
    {
        *body = with_uses(body, written);
    }
    let errors = errors.map(Error::to_compile_error);
    quote!(#(#kept)* #(#function)* #errors)
}

/// The same body, in which the attributes that were taken off count as used.
fn with_uses(body: &Group, written: &Written) -> Group {
    let (inner_attributes, statements) = syntax::split_inner_attributes(body.stream());
    let uses = expand::uses(written.taken_paths());
    let mut with_uses = Group::new(Delimiter::Brace, quote!(#inner_attributes #uses #statements));
    with_uses.set_span(body.span());
    with_uses
}
