//! The end of a function that returns a future: the block in which its work is done.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::punct;

/// What such a function is made of.
pub(crate) struct Tail {
    /// Statements that run when it is called, before there is a future.
    pub(crate) before: TokenStream,
    /// The path that the block is handed to, `Box::pin`, or nothing.
    pub(crate) boxing: TokenStream,
    /// The block of the `async { … }`.
    pub(crate) block: Group,
}

/// Divides a body that ends in `async { … }` or in `Box::pin(async { … })`.
pub(crate) fn tail(body: TokenStream) -> Option<Tail> {
    let mut before: Vec<TokenTree> = body.into_iter().collect();
    let (boxing, block) = match before.last() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            let mut inside: Vec<TokenTree> = group.stream().into_iter().collect();
            inside.pop_if(|last| punct(last) == ',');
            let block = take_async_block(&mut inside).filter(|_| inside.is_empty())?;
            before.pop();
            (take_box_pin(&mut before)?, block)
        }
        _ => (TokenStream::new(), take_async_block(&mut before)?),
    };
    let is_statement = match before.last() {
        None => true,
        Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Brace,
        Some(last) => punct(last) == ';',
    };
    is_statement.then(|| Tail { before: before.into_iter().collect(), boxing, block })
}

/// Takes `async { … }` or `async move { … }` off the end.
fn take_async_block(tokens: &mut Vec<TokenTree>) -> Option<Group> {
    let is = |token: &mut TokenTree, word: &str| matches!(token, TokenTree::Ident(ident) if ident == word);
    let TokenTree::Group(block) = tokens.pop_if(|last| matches!(last, TokenTree::Group(_)))? else { return None };
    tokens.pop_if(|last| is(last, "move"));
    tokens.pop_if(|last| is(last, "async"))?;
    (block.delimiter() == Delimiter::Brace).then_some(block)
}

/// Takes a path that ends in `Box::pin` off the end.
fn take_box_pin(tokens: &mut Vec<TokenTree>) -> Option<TokenStream> {
    let is_of_path = |token: &TokenTree| matches!(token, TokenTree::Ident(_)) || punct(token) == ':';
    // Two words in a row end one statement and begin another, or are `return Box::pin`, which is refused then.
    let mut begin = tokens.len();
    while let Some(token) = begin.checked_sub(1).map(|at| &tokens[at]).filter(|token| is_of_path(token)) {
        let are_words = |next: &TokenTree| matches!((token, next), (TokenTree::Ident(_), TokenTree::Ident(_)));
        if tokens.get(begin).is_some_and(are_words) {
            break;
        }
        begin -= 1;
    }
    let path = tokens.split_off(begin);
    let words: Vec<String> = path.iter().filter(|token| punct(token) != ':').map(ToString::to_string).collect();
    words.ends_with(&["Box".to_owned(), "pin".to_owned()]).then(|| path.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn tails_that_can_be_guarded() {
        for (body, before, boxing) in [
            (quote!(async { a }), quote!(), quote!()),
            (quote!(async move { a }), quote!(), quote!()),
            (quote!(let b = c(); async move { a }), quote!(let b = c();), quote!()),
            (
                quote!(if b { return c; } async { a }),
                quote!(if b {
                    return c;
                }),
                quote!(),
            ),
            (quote!(Box::pin(async move { a })), quote!(), quote!(Box::pin)),
            (quote!(b(); ::std::boxed::Box::pin(async { a },)), quote!(b();), quote!(::std::boxed::Box::pin)),
        ] {
            let tail = tail(body.clone()).unwrap_or_else(|| panic!("{body}"));
            assert_eq!(
                (tail.before.to_string(), tail.boxing.to_string(), tail.block.stream().to_string()),
                (before.to_string(), boxing.to_string(), "a".to_owned())
            );
        }
    }

    #[test]
    fn tails_that_cannot() {
        for body in [
            quote!(),
            quote!(a()),
            quote!(async { a };),
            quote!(return async { a }),
            quote!(return Box::pin(async { a })),
            quote!(let b = Box::pin(async { a })),
            quote!(Rc::pin(async { a })),
            quote!(Box::pin(a, async { a })),
            quote!(Box::pin(async { a }).boxed()),
            quote!(move { a }),
        ] {
            assert!(tail(body.clone()).is_none(), "{body}");
        }
    }
}
