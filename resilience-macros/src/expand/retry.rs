use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::{
    arguments::{self, Lent},
    describe, hook,
};
use crate::model::{CircuitBreaker, Guarded, Layer, Retry};

/// Runs what is `inside` until the retry says that it is enough.
pub(super) fn around(guarded: &Guarded, retry: &Retry, inside: TokenStream) -> TokenStream {
    let Lent { kept, receiver: (kept_receiver, put_back), given } = arguments::lent_to_attempts(guarded);
    // Whatever an attempt does not use up is gone before the wait for the next one.
    let attempt = match given.is_empty() {
        true => inside,
        false => quote_spanned!(Span::mixed_site()=> let __result = { #given #inside __result };),
    };
    let waited = match guarded.target.form.is_sync() {
        true => quote_spanned!(Span::mixed_site()=> __run.block(__wait)),
        false => quote_spanned!(Span::mixed_site()=> __wait.await),
    };
    let after = after(guarded, retry, &describe(), &quote_spanned!(Span::mixed_site()=> &mut __run));
    // What is looked at has a variable of its own, of which nothing is left while the call waits.
    quote_spanned! {Span::mixed_site()=>
        let __result = {
            #kept
            let mut __run = __retry.get().start();
            loop {
                #kept_receiver
                #attempt
                let __wait = match { let __result = __result; #after } {
                    __resilience::ControlFlow::Continue(__wait) => __wait,
                    __resilience::ControlFlow::Break(__result) => break __result,
                };
                #waited;
                #put_back
            }
        };
    }
}

/// What the retry makes of the result of an attempt; `run` is a reference to its `__run`.
pub(super) fn after(guarded: &Guarded, retry: &Retry, describe: &TokenStream, run: &TokenStream) -> TokenStream {
    let retry_if = hook(&retry.retry_if, "every");
    let retry_after = hook(&retry.retry_after, "no_retry_after");
    let on_retry = hook(&retry.on_retry, "no_hook");
    let is_shut = match is_above_a_breaker(guarded) {
        true => quote_spanned!(Span::mixed_site()=> |__wait| __breaker.is_shut_after(__wait)),
        false => hook(&None, "never_shut"),
    };
    let (is_written, is_hooked) = (retry.retry_if.is_some(), retry.on_retry.is_some());
    match &guarded.classify {
        Some(_) => quote_spanned!(Span::mixed_site()=>
            __run.after_classified((#describe, #is_hooked), __result, &__classify, #is_written, #retry_if, #retry_after, #on_retry, #is_shut)
        ),
        None if !retry.has_hooks() => {
            let breaker = match is_above_a_breaker(guarded) {
                true => quote_spanned!(Span::mixed_site()=> __resilience::Some(__breaker)),
                false => quote_spanned!(Span::mixed_site()=> __resilience::None),
            };
            quote_spanned!(Span::mixed_site()=> __resilience::tried(#run, #describe, __result, #breaker))
        }
        None => quote_spanned!(Span::mixed_site()=>
            __run.after_above((#describe, #is_hooked), __result, #retry_if, #retry_after, #on_retry, #is_shut)
        ),
    }
}

/// Whether a circuit breaker stands between the retry and the call. Of one with keys it is not known whether it is open before the key is.
fn is_above_a_breaker(guarded: &Guarded) -> bool {
    let inside = guarded.layers.iter().skip_while(|layer| !matches!(layer, Layer::Retry(_)));
    inside.into_iter().any(|layer| matches!(layer, Layer::CircuitBreaker(CircuitBreaker { key: None, .. })))
}
