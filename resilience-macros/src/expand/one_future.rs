//! An `async fn` that runs nothing of its own between its layers is a function that returns the runtime's own future around the body. A second
//! coroutine, and layers that are written out in it, are two thirds of what `cargo check` takes for a guarded function.
//!
//! ```text
//! // Input:
//! #[circuit_breaker("payment")]
//! #[timeout("2s")]
//! async fn charge(order: &Order) -> Result<Receipt, Error> { BODY }
//!
//! // Output:
//! fn charge(order: &Order) -> impl Future<Output = Result<Receipt, Error>> {
//!     let (__breaker, __timeout) = { static __OPERATION: … = …; static __BREAKER: … = …; static __TIMEOUT: … = …; (&__BREAKER, &__TIMEOUT) };
//!     guard_layers(
//!         behind(
//!             __breaker,
//!             within(__timeout, body(async move { BODY })),
//!             |__permit, __result| settle_any(__permit, answered(__result)),
//!         ),
//!         |__result| finish::<Result<Receipt, Error>, _, _, _>(__result, FromRejection),
//!     )
//! }
//! ```

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{ReturnType, Signature, parse_quote_spanned};

use super::{
    arguments::{self, Lent},
    body, circuit_breaker, located_at, retry, site,
};
use crate::{
    model::{Argument, CircuitBreaker, Form, Guarded, Layer, Passing, Retry},
    syntax::has_word,
};

/// Whether the function is such a one.
///
/// It is none where that could be told: by an attribute that speaks about `async fn`s, and by an `impl` in what it returns, which captures
/// lifetimes by the edition of the crate. Nor is it where an attempt would have to borrow from what makes the attempts.
pub(super) fn is(guarded: &Guarded) -> bool {
    const ABOUT_ASYNC: [&str; 2] = ["must_use", "track_caller"];
    let runs_only_layers = guarded.fallback.is_none()
        && guarded.classify.is_none()
        && guarded.stream.is_none()
        && !guarded.layers.is_empty()
        && guarded.layers.iter().all(|layer| layer.of_arguments().next().is_none());
    let is_about_async = |attribute: &syn::Attribute| {
        has_word(attribute.to_token_stream(), &|word| ABOUT_ASYNC.iter().any(|about| word == about))
    };
    let can_be_given = |argument: &Argument| match argument.passing {
        Passing::Reborrowed => false,
        Passing::Cloned => !argument.is_receiver(),
        Passing::Copied | Passing::Unseen => true,
    };
    let borrows_nothing = !guarded.has_retry() || guarded.target.arguments.iter().all(can_be_given);
    runs_only_layers
        && !cfg!(feature = "tracing")
        && matches!(guarded.target.form, Form::Async)
        && !guarded.has_attributes_of_others()
        && borrows_nothing
        && !guarded.function.attributes.iter().any(is_about_async)
        && !has_word(guarded.target.result.to_token_stream(), &|word| word == "impl")
}

/// Makes `-> impl Future<Output = R>` of `async … -> R`. The `impl` is ours, so that it captures all lifetimes whatever the edition of the
/// crate, as an `async fn` does.
pub(super) fn return_future(guarded: &Guarded, signature: &mut Signature) {
    signature.asyncness = None;
    if let ReturnType::Type(_, returned) = &mut signature.output {
        let result = &guarded.target.result;
        // What the compiler proposes to add to the signature, it adds behind the last token of it.
        let end =
            located_at(result.to_token_stream().into_iter().last().map_or_else(Span::mixed_site, |last| last.span()));
        let future = quote_spanned!(Span::mixed_site()=> impl ::core::future::Future<Output = #result);
        let close = quote_spanned!(end=> >);
        **returned = parse_quote_spanned!(end=> #future #close);
    }
}

/// That future.
pub(super) fn future(guarded: &Guarded) -> TokenStream {
    if let [Layer::CircuitBreaker(breaker)] = &*guarded.layers {
        return future_of_breaker(guarded, breaker);
    }
    let layers = Layers::around_body(guarded, &guarded.layers);
    let answered = layers.answered(guarded);
    let finish = super::end(guarded);
    let layers = layers.tokens;
    quote_spanned!(Span::mixed_site()=> __resilience::guard_layers(#layers, |__result| { #answered #finish }))
}

/// The same in one call where a breaker is all that is around the body, as it is most often.
fn future_of_breaker(guarded: &Guarded, breaker: &CircuitBreaker) -> TokenStream {
    let (block, called) = (body::block(guarded, true), body::called(guarded));
    let settled = circuit_breaker::settled(guarded, breaker);
    let finish = super::end(guarded);
    quote_spanned! {Span::mixed_site()=>
        __resilience::guard(
            __breaker,
            #block,
            |__permit, __result| { let __result = #called; #settled },
            |__result| { #finish },
        )
    }
}

/// The layers from some one inward.
pub(super) struct Layers {
    pub(super) tokens: TokenStream,
    /// Whether one of them asks about the function's errors, which it knows as a `Failure` then.
    pub(super) asks: bool,
}

impl Layers {
    fn around_body(guarded: &Guarded, layers: &[Layer]) -> Self {
        let Some((layer, inner)) = layers.split_first() else {
            let block = body::block(guarded, true);
            let block = match guarded.has_retry() {
                true => quote_spanned!(Span::mixed_site()=> __resilience::in_attempt(__run.attempt(), #block)),
                false => block,
            };
            return Self { tokens: quote_spanned!(Span::mixed_site()=> __resilience::body(#block)), asks: false };
        };
        super::future_around(guarded, layer, Self::around_body(guarded, inner))
    }

    /// Inside of a layer to which the errors of the function are nothing.
    pub(super) fn inside_of(self, layer: &Layer, name: &str) -> Self {
        let (tokens, handle, name) = (self.tokens, site::handle(layer), Ident::new(name, Span::mixed_site()));
        Self { tokens: quote_spanned!(Span::mixed_site()=> __resilience::#name(#handle, #tokens)), ..self }
    }

    pub(super) fn behind(self, guarded: &Guarded, breaker: &CircuitBreaker) -> Self {
        let (answered, tokens) = (self.answered(guarded), self.tokens);
        let settled = circuit_breaker::settled(guarded, breaker);
        let tokens = quote_spanned! {Span::mixed_site()=>
            __resilience::behind(__breaker, #tokens, |__permit, __result| { #answered #settled })
        };
        Self { tokens, asks: true }
    }

    pub(super) fn retried(self, guarded: &Guarded, of: &Retry) -> Self {
        let (answered, tokens) = (self.answered(guarded), self.tokens);
        let Lent { kept, given, .. } = arguments::lent_to_attempts(guarded);
        let after = retry::after(guarded, of, &quote_spanned!(Span::mixed_site()=> __run));
        let attempt = match given.is_empty() {
            true => quote_spanned!(Span::mixed_site()=> move |__run| #tokens),
            false => quote_spanned!(Span::mixed_site()=> move |__run| { #given #tokens }),
        };
        let retried = quote_spanned! {Span::mixed_site()=>
            __resilience::retried(__retry, #attempt, |__run, __result| { #answered #after })
        };
        let tokens = match kept.is_empty() {
            true => retried,
            false => quote_spanned!(Span::mixed_site()=> { #kept #retried }),
        };
        Self { tokens, asks: true }
    }

    /// Makes a `Result` with a `Failure` of what they came to, where that is not what it is. A return type that is no `Result` is an error
    /// about that type.
    fn answered(&self, guarded: &Guarded) -> Option<TokenStream> {
        let result = body::result(guarded);
        (!self.asks).then(|| quote_spanned!(Span::mixed_site()=> let __result = __resilience::answered(#result);))
    }
}
