//! An `async fn` with a breaker and nothing else is a function that returns the runtime's own future around the body: a second coroutine is
//! a quarter of what `cargo check` takes for a guarded function, and a third of what a call costs.
//!
//! ```text
//! // Input:
//! #[circuit_breaker("payment")]
//! async fn charge(order: &Order) -> Result<Receipt, Error> { BODY }
//!
//! // Output:
//! fn charge(order: &Order) -> impl Future<Output = Result<Receipt, Error>> {
//!     let __breaker = { static __OPERATION: … = …; static __BREAKER: … = …; &__BREAKER };
//!     guard(
//!         __breaker,
//!         async move { BODY },
//!         |__permit, __result| settle(__permit, called(__result), every, nothing),
//!         |__result| finish::<Result<Receipt, Error>, _, _, _>(__result, FromRejection),
//!     )
//! }
//! ```

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{ReturnType, Signature, parse_quote_spanned};

use super::{body, circuit_breaker, located_at};
use crate::{
    model::{CircuitBreaker, Form, Guarded, Layer},
    syntax::has_word,
};

/// The breaker, where the function is such a one.
///
/// It is none where that could be told: by an attribute that speaks about `async fn`s, and by an `impl` in what it returns, which captures
/// lifetimes by the edition of the crate.
pub(super) fn of(guarded: &Guarded) -> Option<&CircuitBreaker> {
    const ABOUT_ASYNC: [&str; 2] = ["must_use", "track_caller"];
    let [Layer::CircuitBreaker(breaker)] = &*guarded.layers else { return None };
    let is_alone =
        guarded.fallback.is_none() && guarded.classify.is_none() && guarded.stream.is_none() && breaker.key.is_none();
    let is_about_async = |attribute: &syn::Attribute| {
        has_word(attribute.to_token_stream(), &|word| ABOUT_ASYNC.iter().any(|about| word == about))
    };
    let is_lone = is_alone
        && !cfg!(feature = "tracing")
        && matches!(guarded.target.form, Form::Async)
        && !guarded.has_attributes_of_others()
        && !guarded.function.attributes.iter().any(is_about_async)
        && !has_word(guarded.target.result.to_token_stream(), &|word| word == "impl");
    is_lone.then_some(breaker)
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
pub(super) fn future(guarded: &Guarded, breaker: &CircuitBreaker) -> TokenStream {
    let block = body::block(guarded);
    let called = body::called(guarded);
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
