//! The static through which a function finds a policy once, and the variable that leads to it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use resilience_config::Configurable;
use syn::{LitStr, spanned::Spanned};

use super::value;
use crate::model::{Layer, Settings, Timeout, timeouts_above};

/// What a policy's items are called, in the runtime and in the generated code.
#[derive(Clone, Copy)]
pub(super) struct Names {
    /// The variant of the runtime's `Layer`.
    layer: &'static str,
    site: &'static str,
    config: &'static str,
    /// The static.
    place: &'static str,
    /// The variable.
    handle: &'static str,
}

impl Names {
    const RETRY: Self =
        Self { layer: "Retry", site: "RetrySite", config: "RetryConfig", place: "__RETRY", handle: "__retry" };

    fn of(layer: &Layer) -> Self {
        match layer {
            Layer::Retry(_) => Self::RETRY,
            Layer::CircuitBreaker(_) => Self {
                layer: "CircuitBreaker",
                site: "BreakerSite",
                config: "CircuitBreakerConfig",
                place: "__BREAKER",
                handle: "__breaker",
            },
            Layer::Bulkhead(_) => Self {
                layer: "Bulkhead",
                site: "BulkheadSite",
                config: "BulkheadConfig",
                place: "__BULKHEAD",
                handle: "__bulkhead",
            },
            Layer::RateLimit(_) => Self {
                layer: "RateLimit",
                site: "RateLimitSite",
                config: "RateLimitConfig",
                place: "__RATE_LIMIT",
                handle: "__rate_limit",
            },
            Layer::Timeout(timeout) => Self::timeout(timeout),
        }
    }

    fn timeout(timeout: &Timeout) -> Self {
        let (place, handle) = match timeout.is_of_attempt {
            true => ("__ATTEMPT_TIMEOUT", "__attempt_timeout"),
            false => ("__TIMEOUT", "__timeout"),
        };
        Self { layer: "Timeout", site: "TimeoutSite", config: "TimeoutConfig", place, handle }
    }
}

fn ident(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Its entry among the function's layers.
pub(super) fn entry(layer: &Layer) -> TokenStream {
    let names = Names::of(layer);
    let (layer, place) = (ident(names.layer), ident(names.place));
    quote_spanned!(Span::mixed_site()=> #layer(&#place))
}

/// The variable that the layer needs, and its value.
pub(super) fn used(layer: &Layer) -> (TokenStream, TokenStream) {
    let (handle, place) = (handle(layer), ident(Names::of(layer).place));
    (quote_spanned!(Span::mixed_site()=> #handle), quote_spanned!(Span::mixed_site()=> &#place))
}

/// The variable that the layer needs.
pub(super) fn handle(layer: &Layer) -> Ident {
    ident(Names::of(layer).handle)
}

/// The static.
pub(super) fn policy(layer: &Layer) -> TokenStream {
    let nothing = TokenStream::new;
    match layer {
        Layer::Retry(retry) => place(layer, &retry.name, &retry.settings, nothing(), nothing()),
        Layer::CircuitBreaker(breaker) => {
            let (setter, rule) = super::circuit_breaker::trip_rule(breaker);
            place(layer, &breaker.name, &breaker.settings, setter, rule)
        }
        Layer::Bulkhead(bulkhead) => place(layer, &bulkhead.name, &bulkhead.settings, nothing(), nothing()),
        Layer::RateLimit(limit) => place(layer, &limit.name, &limit.settings, nothing(), nothing()),
        Layer::Timeout(timeout) => place(layer, &timeout.name, &timeout.settings, nothing(), nothing()),
    }
}

/// The static of a policy with these `settings`; `setter` and `rule` are what goes into its configuration and into itself
/// beside them.
fn place<Config: Configurable>(
    layer: &Layer,
    name: &Option<LitStr>,
    settings: &Settings<Config>,
    setter: TokenStream,
    rule: TokenStream,
) -> TokenStream {
    let names = Names::of(layer);
    let (place, site) = (ident(names.place), ident(names.site));
    let name = match name {
        Some(name) => quote_spanned!(Span::mixed_site()=> __resilience::Some(#name)),
        None => quote_spanned!(Span::mixed_site()=> __resilience::None),
    };
    let config = config(&names, settings);
    let config = quote_spanned!(Span::mixed_site()=> #config #setter);
    // Literals have been checked; what the compiler evaluates, it has to check as well.
    let config = match settings.expressions().next() {
        Some(first) => {
            let config_type = ident(names.config);
            quote_spanned!(super::located_at(first.span())=> __resilience::#config_type::validated(#config))
        }
        None => config,
    };
    let is_configured = !settings.written.is_empty() || !rule.is_empty();
    quote_spanned! {Span::mixed_site()=>
        static #place: __resilience::#site = __resilience::#site::new(
            &__OPERATION,
            #name,
            #config,
            #is_configured,
        )
        #rule;
    }
}

/// `__resilience::RetryConfig::new().attempts(3)`
fn config<Config: Configurable>(names: &Names, settings: &Settings<Config>) -> TokenStream {
    let (config, setters) = (ident(names.config), value::setters(settings));
    quote_spanned!(Span::mixed_site()=> __resilience::#config::new() #setters)
}

/// Has the compiler compare the waits of a retry with a timeout above it, where the values of both are not known before.
pub(super) fn waits(layers: &[Layer]) -> TokenStream {
    let Some((retry, timeouts)) = timeouts_above(layers) else { return TokenStream::new() };
    let checks = timeouts.filter(|timeout| retry.settings.known().is_none() || timeout.settings.known().is_none());
    let checks = checks.map(|timeout| {
        let span = retry
            .settings
            .expressions()
            .chain(timeout.settings.expressions())
            .next()
            .map_or_else(Span::mixed_site, Spanned::span);
        let retry = config(&Names::RETRY, &retry.settings);
        let timeout = config(&Names::timeout(timeout), &timeout.settings);
        quote_spanned!(super::located_at(span)=> const _: () = #timeout.assert_leaves_time_for(&#retry);)
    });
    checks.collect()
}
