use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::keyed;
use crate::model::{Guarded, RateLimit};

/// Asks for a turn before what is `inside` runs.
pub(super) fn around(guarded: &Guarded, limit: &RateLimit, inside: &TokenStream) -> TokenStream {
    // On a synchronous function `max_wait` is refused.
    let waits = limit.may_wait();
    let (key, cost) = (limit.key.as_ref().map(keyed::reference), &limit.cost);
    let limiter = match &key {
        Some(key) => quote_spanned!(Span::mixed_site()=> __rate_limit.keyed(#key)),
        None => quote_spanned!(Span::mixed_site()=> __rate_limit.get()),
    };
    let (acquire, acquire_many) = if waits { ("acquire", "acquire_many") } else { ("try_acquire", "try_acquire_many") };
    let acquire = match cost {
        Some(cost) => {
            let acquire = Ident::new(acquire_many, Span::mixed_site());
            // What is no cost is an error about the expression.
            let cost = quote_spanned!(super::located_at(cost.span())=> __resilience::cost(#cost));
            quote_spanned!(Span::mixed_site()=> #limiter.#acquire(#cost))
        }
        None => {
            let acquire = Ident::new(acquire, Span::mixed_site());
            quote_spanned!(Span::mixed_site()=> #limiter.#acquire())
        }
    };
    let acquire = keyed::asked(guarded, &quote!(#key #cost), acquire);
    let acquire = match waits {
        true => quote_spanned!(Span::mixed_site()=> __resilience::AssertUnwindSafe(#acquire).await),
        false => acquire,
    };
    quote_spanned! {Span::mixed_site()=>
        let __result = '__rate_limit: {
            if let __resilience::Err(__rejection) = #acquire {
                break '__rate_limit __resilience::Err(__resilience::Failure::Rejected(__rejection));
            }
            #inside
            __result
        };
    }
}
