use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::{
    Attribute, Result, Signature, Token, Visibility, braced,
    parse::{Parse, ParseStream, Parser},
};

use super::{has_word, punct};

/// The name under which generated code imports what it needs.
pub(crate) const RUNTIME: &str = "__resilience";

/// A function whose signature is parsed and whose body is not, so that code which is half typed survives, and so that a
/// long body costs nothing.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Body,
}

/// What stands between a function's braces.
pub(crate) struct Body {
    /// `#![…]`s, which can only stand first.
    pub(crate) inner_attributes: TokenStream,
    pub(crate) statements: TokenStream,
    /// Of the braces.
    pub(crate) span: Span,
}

impl Function {
    /// Reads what stands below `attributes`.
    pub(crate) fn parse(attributes: Vec<Attribute>, tokens: TokenStream) -> Result<Self> {
        match Self::head_and_braces(&tokens) {
            Some((visibility, signature, braces)) => {
                Ok(Self { attributes, visibility, signature, body: Body::new(braces.stream(), braces.span()) })
            }
            None => Self::parse_whole(attributes, tokens),
        }
    }

    /// The parts of a function with nothing wrong in it: the braces at its end are not looked into.
    fn head_and_braces(tokens: &TokenStream) -> Option<(Visibility, Signature, Group)> {
        let mut head: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let Some(TokenTree::Group(braces)) = head.pop() else { return None };
        let read = |input: ParseStream<'_>| Ok((input.parse()?, input.parse()?));
        let (visibility, signature) = read.parse2(head.into_iter().collect()).ok()?;
        (braces.delimiter() == Delimiter::Brace).then_some((visibility, signature, braces))
    }

    /// The same by a look at each token, which says what is wrong.
    fn parse_whole(attributes: Vec<Attribute>, tokens: TokenStream) -> Result<Self> {
        let read = |input: ParseStream<'_>| {
            let visibility = input.parse()?;
            if !starts_signature(input) {
                let message = match input.peek(Token![impl]) || input.peek(Token![trait]) {
                    true => "this attribute guards functions: write it above each method that it is for",
                    false => "this attribute guards functions: write it above an `async fn` or a `fn`",
                };
                return Err(input.error(message));
            }
            let signature = input.parse()?;
            if input.peek(Token![;]) {
                return Err(
                    input.error("there is no body to guard here: write the attribute where the function has one")
                );
            }
            Ok(Self { attributes, visibility, signature, body: input.parse()? })
        };
        read.parse2(tokens)
    }
}

impl Body {
    fn new(content: TokenStream, span: Span) -> Self {
        let (inner_attributes, statements) = split_inner_attributes(content);
        Self { inner_attributes, statements, span }
    }

    /// Whether an attribute of ours has expanded this function before, which leaves a `use` that names `__resilience` at its
    /// beginning.
    pub(crate) fn is_guarded(&self) -> bool {
        let mut first = self.statements.clone().into_iter();
        first.next().is_some_and(|token| matches!(token, TokenTree::Ident(word) if word == "use"))
            && has_word(first.take_while(|token| punct(token) != ';').collect(), &|word| word == RUNTIME)
    }
}

impl Parse for Body {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let content;
        let braces = braced!(content in input);
        Ok(Self::new(content.parse()?, braces.span.join()))
    }
}

fn starts_signature(input: ParseStream<'_>) -> bool {
    // `const` and `unsafe` begin other items too.
    let ahead = input.fork();
    while ahead.peek(Token![const]) || ahead.peek(Token![async]) || ahead.peek(Token![unsafe]) {
        // It was seen a moment ago.
        let _ = ahead.parse::<TokenTree>();
    }
    ahead.peek(Token![fn]) || ahead.peek(Token![extern])
}

/// `#![…] … rest` as `(#![…] …, rest)`.
pub(crate) fn split_inner_attributes(body: TokenStream) -> (TokenStream, TokenStream) {
    let tokens: Vec<TokenTree> = body.clone().into_iter().collect();
    if tokens.first().is_none_or(|token| punct(token) != '#') {
        return (TokenStream::new(), body);
    }
    let is = |at: usize, char| tokens.get(at).is_some_and(|token| punct(token) == char);
    let is_bracket =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket);
    let mut at = 0;
    while is(at, '#') && is(at + 1, '!') && is_bracket(at + 2) {
        at += 3;
    }
    let mut tokens = tokens.into_iter();
    (tokens.by_ref().take(at).collect(), tokens.collect())
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn inner_attributes_are_what_a_body_begins_with() {
        for (body, attributes, rest) in [
            (quote!(), quote!(), quote!()),
            (quote!(#![allow(unused)] f();), quote!(#![allow(unused)]), quote!(f();)),
            (quote!(#![allow(a)] #![allow(b)] [1]), quote!(#![allow(a)] #![allow(b)]), quote!([1])),
            (quote!(#[allow(unused)] f();), quote!(), quote!(#[allow(unused)] f();)),
            (quote!(a = [1]; #![allow(unused)]), quote!(), quote!(a = [1]; #![allow(unused)])),
            (quote!(![1] == b), quote!(), quote!(![1] == b)),
            // It takes all three: `#`, `!` and brackets.
            (quote!(vec![1]), quote!(), quote!(vec![1])),
            (
                quote!(
                    #[a]
                    [1]
                ),
                quote!(),
                quote!(
                    #[a]
                    [1]
                ),
            ),
            (quote!(#!(1)), quote!(), quote!(#!(1))),
            (quote!(#![a] vec![1]), quote!(#![a]), quote!(vec![1])),
        ] {
            let (found, left) = split_inner_attributes(body);
            assert_eq!((found.to_string(), left.to_string()), (attributes.to_string(), rest.to_string()));
        }
    }
}
