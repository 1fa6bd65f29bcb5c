use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::{describe, hook, keyed, stream};
use crate::model::{CircuitBreaker, Guarded, Layer};

/// What a rule of the user's own adds to the configuration, and to the static.
pub(super) fn trip_rule(breaker: &CircuitBreaker) -> (TokenStream, TokenStream) {
    let Some(trip_if) = &breaker.trip_if else { return Default::default() };
    let text = trip_if.to_token_stream().to_string();
    (
        quote_spanned!(Span::mixed_site()=> .has_trip_if(true)),
        quote_spanned!(Span::mixed_site()=> .trip_if(#trip_if, #text)),
    )
}

/// Asks the breaker for a permit, runs what is `inside` under its eyes, and tells the breaker how it ended.
pub(super) fn around(
    guarded: &Guarded,
    breaker: &CircuitBreaker,
    layers: &[Layer],
    inside: &TokenStream,
) -> TokenStream {
    let plain = quote_spanned!(Span::mixed_site()=> __permit);
    let (printed, permit, acquired) = match &breaker.key {
        Some(key) if may_be_ready_at_once(guarded, layers) => {
            let key = keyed::reference(key);
            let asked = keyed::asked(guarded, &key, quote_spanned!(Span::mixed_site()=> __key.admit(#key)));
            let printed = quote_spanned!(Span::mixed_site()=> let mut __key = __breaker.of_a_key(););
            (printed, quote_spanned!(Span::mixed_site()=> mut __permit), asked)
        }
        Some(key) => {
            let key = keyed::reference(key);
            let asked = quote_spanned!(Span::mixed_site()=> __breaker.keyed(#key).try_acquire());
            (TokenStream::new(), plain, keyed::asked(guarded, &key, asked))
        }
        None => (TokenStream::new(), plain, quote_spanned!(Span::mixed_site()=> __breaker.admit())),
    };
    let settled = stream::with_permit(guarded, settled(guarded, breaker, &describe()));
    // The permit leaves the `match` before anything is awaited: what the breaker answered is not kept in the future. A rejection is made
    // of the answer only then, so that it shares no memory with the permit.
    quote_spanned! {Span::mixed_site()=>
        let __result = '__circuit_breaker: {
            #printed
            let #permit = match #acquired {
                __resilience::Ok(__permit) => __permit,
                __resilience::Err(__refused) => break '__circuit_breaker __resilience::rejected(__refused),
            };
            #inside
            #settled
        };
    }
}

/// Whether the call may be over before it has ever waited, with those `layers` inside of the breaker. While it has not waited, its key pays nothing for keeping its breaker.
fn may_be_ready_at_once(guarded: &Guarded, layers: &[Layer]) -> bool {
    !guarded.target.form.is_sync()
        && guarded.stream.is_none()
        && layers.iter().all(|layer| matches!(layer, Layer::Timeout(_)))
}

/// Tells the breaker of `__permit` how what is inside ended, by the function's own predicates.
pub(super) fn settled(guarded: &Guarded, breaker: &CircuitBreaker, describe: &TokenStream) -> TokenStream {
    if guarded.classify.is_none() && !breaker.has_hooks() {
        return quote_spanned!(Span::mixed_site()=> __resilience::settle_any(__permit, #describe, __result));
    }
    let failure_if = hook(&breaker.failure_if, "every");
    let ignore_if = hook(&breaker.ignore_if, "nothing");
    let is_written = breaker.failure_if.is_some();
    match &guarded.classify {
        Some(_) => quote_spanned!(Span::mixed_site()=>
            __resilience::settle_classified(__permit, #describe, __result, &__classify, #is_written, #failure_if, #ignore_if)
        ),
        None => {
            quote_spanned!(Span::mixed_site()=> __resilience::settle(__permit, #describe, __result, #failure_if, #ignore_if))
        }
    }
}
