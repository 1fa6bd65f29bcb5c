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
//!         (__breaker, __timeout),
//!         async move { BODY },
//!         |__result| { let __result = called(__result); (error_of(&__result).describe_error(), __result) },
//!         |__result| finish::<Result<Receipt, Error>, _, _, _>(__result, FromRejection),
//!     )
//! }
//! ```
//!
//! With a retry, it is `guard_attempts(((), __retry, (__breaker, __timeout)), |__run| async move { BODY }, …)`: what is around it, and what is around each attempt.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{ReturnType, Signature, Type};

use super::{
    arguments::{self, Lent},
    body, circuit_breaker, keyed, located_at, retry, site,
};
use crate::{
    model::{Argument, CircuitBreaker, Form, Guarded, Layer, Passing},
    syntax::{has_word, may_leave},
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
        && guarded.layers.iter().all(|layer| layer.of_arguments().next().is_none() || is_asked_by_key(guarded, layer));
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
        && !guarded.target.has_impl_in_result
}

/// Whether it is a breaker of a key that is alone: that is printed where the body takes the arguments, which is a closure.
fn is_asked_by_key(guarded: &Guarded, layer: &Layer) -> bool {
    let Layer::CircuitBreaker(CircuitBreaker { key: Some(key), .. }) = layer else { return false };
    guarded.layers.len() == 1 && !may_leave(key.to_token_stream())
}

/// Makes `-> impl Future<Output = R>` of `async … -> R`. The `impl` is ours, so that it captures all lifetimes whatever the edition of the
/// crate, as an `async fn` does.
pub(super) fn return_future(guarded: &Guarded, signature: &mut Signature) {
    signature.asyncness = None;
    if let ReturnType::Type(_, returned) = &mut signature.output {
        let result = &guarded.target.result;
        // What the compiler proposes to add to the signature, it adds behind the last token of it.
        let end = located_at(result.clone().into_iter().last().map_or_else(Span::mixed_site, |last| last.span()));
        let future = quote_spanned!(Span::mixed_site()=> impl ::core::future::Future<Output = #result);
        let close = quote_spanned!(end=> >);
        // Nobody reads it again.
        **returned = Type::Verbatim(quote_spanned!(end=> #future #close));
    }
}

/// That future.
pub(super) fn future(guarded: &Guarded) -> TokenStream {
    if let [Layer::CircuitBreaker(breaker)] = &*guarded.layers {
        return future_of_breaker(guarded, breaker);
    }
    let retry = guarded.layers.iter().enumerate().find_map(|(nth, layer)| match layer {
        Layer::Retry(retry) => Some((nth, retry)),
        _ => None,
    });
    let (block, finish) = (body::block(guarded, true), super::end(guarded));
    let (called, settle) = (called(guarded), settle(guarded));
    let Some((nth, retry)) = retry else {
        let layers = sites(&guarded.layers);
        let (call, settle) = match settle {
            Some(settle) => ("guard_layers_with", quote_spanned!(Span::mixed_site()=> #settle,)),
            None => ("guard_layers", TokenStream::new()),
        };
        let call = Ident::new(call, Span::mixed_site());
        return quote_spanned! {Span::mixed_site()=>
            __resilience::#call(#layers, #block, #called, #settle |__result| { #finish })
        };
    };
    let (outer, inner) = (sites(&guarded.layers[..nth]), sites(&guarded.layers[nth + 1..]));
    let (call, hooks) = match settle {
        None if !retry.has_hooks() => ("guard_attempts", TokenStream::new()),
        settle => {
            let settle = settle.unwrap_or_else(|| quote_spanned!(Span::mixed_site()=> __resilience::settle_any));
            let after = retry::after(guarded, retry, &given(), &quote_spanned!(Span::mixed_site()=> __run));
            let hooks = quote_spanned!(Span::mixed_site()=> #settle, |__run, __describe, __result| #after,);
            ("guard_attempts_with", hooks)
        }
    };
    let call = Ident::new(call, Span::mixed_site());
    let Lent { kept, given, .. } = arguments::lent_to_attempts(guarded);
    let attempt = match given.is_empty() {
        true => quote_spanned!(Span::mixed_site()=> move |__run| #block),
        false => quote_spanned!(Span::mixed_site()=> move |__run| { #given #block }),
    };
    quote_spanned! {Span::mixed_site()=>
        #kept
        __resilience::#call((#outer, __retry, #inner), #attempt, #called, #hooks |__result| { #finish })
    }
}

/// How the error is described, where that is given.
fn given() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> __describe)
}

/// What takes the body's result, and says how its error is described where a layer asks about that. A return type that is no `Result` is an error about
/// that type.
fn called(guarded: &Guarded) -> TokenStream {
    let (result, called) = (body::result(guarded), body::called(guarded));
    let asks = |layer: &Layer| matches!(layer, Layer::CircuitBreaker(_) | Layer::Retry(_));
    match guarded.layers.iter().any(asks) {
        true => {
            let describe = super::describe();
            quote_spanned!(Span::mixed_site()=> |#result| { let __result = #called; (#describe, __result) })
        }
        false => quote_spanned!(Span::mixed_site()=> |#result| (__resilience::undescribed, #called)),
    }
}

/// What tells a breaker with hooks.
fn settle(guarded: &Guarded) -> Option<TokenStream> {
    let breaker = guarded.layers.iter().find_map(|layer| match layer {
        Layer::CircuitBreaker(breaker) if breaker.has_hooks() => Some(breaker),
        _ => None,
    })?;
    let settled = circuit_breaker::settled(guarded, breaker, &given());
    Some(quote_spanned!(Span::mixed_site()=> |__permit, __describe, __result| #settled))
}

/// A tuple of the sites of these layers; where one may not wait, that is said.
fn sites(layers: &[Layer]) -> TokenStream {
    let sites = layers.iter().map(|layer| {
        let handle = site::handle(layer);
        match layer {
            Layer::Bulkhead(bulkhead) if !bulkhead.may_wait() => at_once(&handle),
            Layer::RateLimit(limit) if !limit.may_wait() => at_once(&handle),
            _ => handle.to_token_stream(),
        }
    });
    match layers.len() {
        1 => quote_spanned!(Span::mixed_site()=> (#(#sites)*,)),
        _ => quote_spanned!(Span::mixed_site()=> (#(#sites),*)),
    }
}

fn at_once(handle: &Ident) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> __resilience::NeverWaits(#handle))
}

/// The same where a breaker is all that is around the body, as it is most often.
fn future_of_breaker(guarded: &Guarded, breaker: &CircuitBreaker) -> TokenStream {
    let (block, called) = (body::block(guarded, true), body::called(guarded));
    let settled = circuit_breaker::settled(guarded, breaker, &super::describe());
    let finish = super::end(guarded);
    let (guard, body) = match &breaker.key {
        None => ("guard", block),
        Some(key) => {
            let key = keyed::reference(key);
            let (before, after) = arguments::looked_into(guarded, &key);
            let begin =
                quote_spanned!(Span::mixed_site()=> move |__key| { { #before __key.print_key(#key); #after } #block });
            ("guard_key", begin)
        }
    };
    let guard = Ident::new(guard, Span::mixed_site());
    quote_spanned! {Span::mixed_site()=>
        __resilience::#guard(
            __breaker,
            #body,
            |__permit, __result| { let __result = #called; #settled },
            |__result| { #finish },
        )
    }
}
