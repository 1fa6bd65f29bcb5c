//! The user's body, in a block of its own: an `async` block, or a closure where the function is not async.

use std::iter::Peekable;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree, token_stream::IntoIter};
use quote::quote_spanned;
use syn::Token;

use super::{arguments, timeout, unless_empty};
use crate::{
    model::{Guarded, Layer},
    syntax::{AngleBrackets, begins_item, captures_self, inside, is_format_macro, punct, rest_of_item},
};

/// Runs the body, as the attempt that it is and for as long as the timeout of that `handle` says: `let __result: Result<T, Failure<E>> = …;`
pub(super) fn run(guarded: &Guarded, timeout: Option<&Ident>, has_permit: bool) -> TokenStream {
    let is_sync = guarded.target.form.is_sync();
    // Where the arguments are needed again they stay here.
    let block = match (guarded.has_retry(), block(guarded, !guarded.keeps_arguments())) {
        (true, block) if is_sync => {
            quote_spanned!(Span::mixed_site()=> __resilience::of_attempt(__run.attempt(), #block))
        }
        (true, block) => {
            quote_spanned!(Span::mixed_site()=> __resilience::in_attempt(__run.attempt(), #block))
        }
        (false, block) => block,
    };
    // The call holds a place for which it might wait itself.
    let block = match !is_sync
        && guarded.layers.iter().any(|layer| matches!(layer, Layer::Bulkhead(bulkhead) if bulkhead.may_wait()))
    {
        true => quote_spanned!(Span::mixed_site()=> __place.watch(::core::pin::pin!(#block))),
        false => block,
    };
    let run = match (is_sync, has_permit) {
        (true, true) => quote_spanned!(Span::mixed_site()=> __permit.watch_call(#block)),
        (true, false) => quote_spanned!(Span::mixed_site()=> __resilience::run(#block)),
        (false, true) => quote_spanned!(Span::mixed_site()=> __permit.watch(::core::pin::pin!(#block))),
        (false, false) => block,
    };
    let called = called(guarded);
    if let Some(handle) = timeout {
        let timed = timeout::timed(handle, &run, &called);
        return quote_spanned!(Span::mixed_site()=> let __result = { #timed };);
    }
    let run = match is_sync {
        true => run,
        false => quote_spanned!(Span::mixed_site()=> #run.await),
    };
    quote_spanned! {Span::mixed_site()=>
        let __result = #run;
        let __result = #called;
    }
}

/// The variable of the body's result, for an error about its type.
pub(super) fn result(guarded: &Guarded) -> Ident {
    Ident::new("__result", super::located_at(guarded.target.result_span))
}

/// The body's `__result` on its way outward. A return type that is no `Result` is an error about that type.
pub(super) fn called(guarded: &Guarded) -> TokenStream {
    let result = result(guarded);
    // What the layers hold goes with a stream.
    let called = if guarded.stream.is_some() { "called_stream" } else { "called" };
    let called = Ident::new(called, Span::mixed_site());
    quote_spanned!(Span::mixed_site()=> __resilience::#called(#result))
}

/// `async move { … }` or `move || { … }`, in which `?` and `return` mean what they meant in the function.
///
/// Where it is not `is_moved`, it borrows what the body does not use up.
pub(super) fn block(guarded: &Guarded, is_moved: bool) -> TokenStream {
    let result = own_result(guarded);
    let receiver = unless_empty(arguments::captured_receiver(guarded));
    let given = unless_empty(arguments::given_to_body(guarded));
    let body = &guarded.function.body;
    let (own_self, statements) = match arguments::reborrowed_receiver(guarded) {
        Some(reborrow) => (Some(reborrow), with_own_self(body.statements.clone())),
        None => (None, body.statements.clone()),
    };
    let mut block = Group::new(Delimiter::Brace, statements);
    block.set_span(super::located_at(body.span));
    let moved = is_moved.then(|| Token![move](Span::mixed_site()));
    let begin = match guarded.target.form.is_sync() {
        true => quote_spanned!(Span::mixed_site()=> #moved ||),
        false => quote_spanned!(Span::mixed_site()=> async #moved),
    };
    // A block has no place for its type; a `return` that never happens gives it one. The body is a block of its own, so
    // that its items do not come after a statement.
    quote_spanned! {Span::mixed_site()=>
        #begin {
            if false {
                #receiver
                return __resilience::never::<#result>();
            }
            #own_self
            #given
            #block
        }
    }
}

/// The type of the function's own result, as it can be written inside of it.
pub(super) fn own_result(guarded: &Guarded) -> TokenStream {
    let result = guarded.target.result.clone();
    if guarded.target.has_impl_in_result { nameable(result) } else { result }
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
                skip_bounds(&mut tokens);
            }
            TokenTree::Group(group) => output.extend([inside(&group, nameable)]),
            token => output.extend([token]),
        }
    }
    output
}

/// The tokens after `impl`, up to the `,`, `;` or `>` behind its bounds.
fn skip_bounds(tokens: &mut Peekable<IntoIter>) {
    let mut brackets = AngleBrackets::default();
    while let Some(token) = tokens.peek() {
        if brackets.are_closed() && (matches!(punct(token), ',' | ';') || brackets.are_closed_by(token)) {
            break;
        }
        brackets.pass(token);
        tokens.next();
    }
}

/// The body of a method that moves its `&mut self`, with the name of a reborrow in the place of `self`, which cannot be shadowed.
///
/// ```text
/// // Input:  self.total += { fn twice(self) { … } 1 };
/// // Output: __self.total += { fn twice(self) { … } 1 };
/// ```
///
/// Items have a `self` of their own, and a path's `self::` is a module. The `{self}` of a format string becomes an argument of its
/// macro.
pub(super) fn with_own_self(body: TokenStream) -> TokenStream {
    let mut output = TokenStream::new();
    let mut tokens = body.into_iter().peekable();
    // What the last two tokens begin: the name of a macro, and whether its `!` has followed.
    let mut begun: (Option<Ident>, bool) = (None, false);
    while let Some(token) = tokens.next() {
        begun = match (&token, begun) {
            (TokenTree::Ident(word), _) => (Some(word.clone()), false),
            (TokenTree::Punct(_), (Some(name), false)) if punct(&token) == '!' => (Some(name), true),
            (TokenTree::Group(_), called @ (Some(_), true)) => called,
            _ => (None, false),
        };
        match token {
            TokenTree::Ident(word) if word == "self" => {
                let is_module = tokens.peek().is_some_and(|next| punct(next) == ':');
                let word = if is_module { word } else { arguments::own_self(word.span()) };
                output.extend([TokenTree::Ident(word)]);
            }
            // `pub(self)`: a module too.
            TokenTree::Ident(word) if word == "pub" => {
                output.extend([TokenTree::Ident(word)]);
                output.extend(tokens.next_if(|next| matches!(next, TokenTree::Group(_))));
            }
            TokenTree::Ident(word) if begins_item(&word, tokens.peek()) => {
                output.extend([TokenTree::Ident(word)]);
                output.extend(rest_of_item(&mut tokens));
            }
            TokenTree::Group(group) => output.extend([match &begun {
                (Some(name), true) if is_format_macro(name) => inside(&group, with_own_self_in_format),
                _ => inside(&group, with_own_self),
            }]),
            token => output.extend([token]),
        }
    }
    output
}

/// The same for the arguments of a macro that formats.
///
/// ```text
/// // Input:  "{self} is {}", self.0
/// // Output: "{__self} is {}", __self.0, __self = __self
/// ```
fn with_own_self_in_format(arguments: TokenStream) -> TokenStream {
    let mut own = None;
    let arguments = with_own_self(arguments).into_iter().map(|token| match &token {
        TokenTree::Literal(literal) => match captures_self(literal) {
            Some(renamed) => {
                own = Some(arguments::own_self(literal.span()));
                renamed
            }
            None => token,
        },
        _ => token,
    });
    let mut arguments: Vec<TokenTree> = arguments.collect();
    let Some(own) = own else { return arguments.into_iter().collect() };
    arguments.pop_if(|last| punct(last) == ',');
    quote_spanned!(Span::mixed_site()=> #(#arguments)*, #own = #own)
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn types_lose_their_impls() {
        for (written, expected) in [
            (quote!(Result<Vec<u8>, Error>), quote!(Result<Vec<u8>, Error>)),
            (quote!(Result<impl Iterator<Item = u8> + Send, Error>), quote!(Result<_, Error>)),
            (quote!(Result<impl Fn(u8) -> Vec<u8>, Error>), quote!(Result<_, Error>)),
            (quote!(Result<(impl A<B<C>>, Box<impl D>), Error>), quote!(Result<(_, Box<_>), Error>)),
            (quote!(Result<[impl A; 2], impl Into<Error>>), quote!(Result<[_; 2], _>)),
        ] {
            assert_eq!(nameable(written).to_string(), expected.to_string());
        }
    }

    #[test]
    fn the_methods_own_self_is_renamed() {
        for (written, expected) in [
            (quote!(self.a.b(self)), quote!(__self.a.b(__self))),
            (quote!(println!("{}", self.a)), quote!(println!("{}", __self.a))),
            (quote!(println!("{self:?} {{self}}")), quote!(println!("{__self:?} {{self}}", __self = __self))),
            (
                quote!(std::write!(f, "{self} {a}", a = self.a,)?),
                quote!(std::write!(f, "{__self} {a}", a = __self.a, __self = __self)?),
            ),
            (quote!(println!("{{self}} {selfish}")), quote!(println!("{{self}} {selfish}"))),
            (quote!(unknown!("{self}")), quote!(unknown!("{self}"))),
            (quote!(let f: fn(u8) -> u8 = |x| self.a + x;), quote!(let f: fn(u8) -> u8 = |x| __self.a + x;)),
            (quote!(self::a::b(Self::c(self))), quote!(self::a::b(Self::c(__self)))),
            (quote!(pub(self) const A: u8 = 1;, self), quote!(pub(self) const A: u8 = 1;, __self)),
            (
                quote!(
                    fn f(self) {
                        self
                    },
                    self
                ),
                quote!(
                    fn f(self) {
                        self
                    },
                    __self
                ),
            ),
            (
                quote!({ async fn f(&self) -> A<{ 1 }> { self.a } } self),
                quote!({ async fn f(&self) -> A<{ 1 }> { self.a } } __self),
            ),
            (
                quote!(impl A<{ 1 }> for B where C: Fn(u8) -> u8 { fn f(&self) { self.a } } if self.a { self.b }),
                quote!(impl A<{ 1 }> for B where C: Fn(u8) -> u8 { fn f(&self) { self.a } } if __self.a { __self.b }),
            ),
            (
                quote!(
                    trait A {
                        fn f(self);
                    },
                    mod b;,
                    self
                ),
                quote!(
                    trait A {
                        fn f(self);
                    },
                    mod b;,
                    __self
                ),
            ),
        ] {
            assert_eq!(with_own_self(written).to_string(), expected.to_string());
        }
    }
}
