use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, ExprReference, Token, spanned::Spanned};

use super::value;
use crate::model::CircuitBreaker;

/// Its entry among the function's layers.
pub(super) fn entry() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> __resilience::Layer::CircuitBreaker(&__BREAKER))
}

/// The static that finds the breaker once.
pub(super) fn policy(breaker: &CircuitBreaker) -> TokenStream {
    let name = match &breaker.name {
        Some(name) => quote_spanned!(Span::mixed_site()=> __resilience::Some(#name)),
        None => quote_spanned!(Span::mixed_site()=> __resilience::None),
    };
    let setters = value::setters(&breaker.settings);
    let trip_rule = breaker.trip_if.as_ref().map(|_| quote_spanned!(Span::mixed_site()=> .has_trip_if(true)));
    let config = quote_spanned!(Span::mixed_site()=> __resilience::CircuitBreakerConfig::new() #setters #trip_rule);
    // Literals have been checked; what the compiler evaluates, it has to check as well.
    let config = match breaker.settings.expressions().next() {
        Some(first) => {
            quote_spanned!(super::located_at(first.span())=> __resilience::CircuitBreakerConfig::validated(#config))
        }
        None => config,
    };
    let is_configured = breaker.is_configured();
    let trip_if = breaker.trip_if.as_ref().map(|trip_if| {
        let text = trip_if.to_token_stream().to_string();
        quote_spanned!(Span::mixed_site()=> .trip_if(#trip_if, #text))
    });
    quote_spanned! {Span::mixed_site()=>
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            #name,
            #config,
            #is_configured,
        )
        #trip_if;
    }
}

/// The variable that the layer needs, and its value.
pub(super) fn used() -> (TokenStream, TokenStream) {
    (quote_spanned!(Span::mixed_site()=> __breaker), quote_spanned!(Span::mixed_site()=> &__BREAKER))
}

/// Asks the breaker for a permit, runs what is `inside` under its eyes, and tells the breaker how it ended.
pub(super) fn around(
    breaker: &CircuitBreaker,
    inside: impl FnOnce(&dyn Fn(TokenStream) -> TokenStream) -> TokenStream,
) -> TokenStream {
    let find = match &breaker.key {
        Some(key) => {
            // Printed as one expression, in parentheses where the reference needs them.
            let key = Expr::Reference(ExprReference {
                attrs: Vec::new(),
                and_token: Token![&](super::located_at(key.span())),
                mutability: None,
                expr: Box::new(key.clone()),
            });
            quote_spanned!(Span::mixed_site()=> keyed(#key))
        }
        None => quote_spanned!(Span::mixed_site()=> get()),
    };
    let body = inside(&|future| quote_spanned!(Span::mixed_site()=> __permit.watch(__resilience::pin!(#future)).await));
    let failure_if = predicate(&breaker.failure_if, "every");
    let ignore_if = predicate(&breaker.ignore_if, "nothing");
    // The permit leaves the `match` before anything is awaited: what `try_acquire` returned is not kept in the future.
    quote_spanned! {Span::mixed_site()=>
        let __result = '__guarded: {
            let __permit = match __breaker.#find.try_acquire() {
                __resilience::Ok(__permit) => __permit,
                __resilience::Err(__rejection) => {
                    break '__guarded __resilience::Err(__resilience::Failure::Rejected(__rejection));
                }
            };
            #body
            __resilience::settle(__permit, __result, #failure_if, #ignore_if)
        };
    }
}

fn predicate(written: &Option<Expr>, default: &str) -> TokenStream {
    match written {
        Some(predicate) => predicate.to_token_stream(),
        None => {
            let default = Ident::new(default, Span::mixed_site());
            quote_spanned!(Span::mixed_site()=> __resilience::#default)
        }
    }
}
