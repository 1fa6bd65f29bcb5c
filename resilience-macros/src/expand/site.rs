//! The static through which a function finds a policy once, and the variable that leads to it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use resilience_config::Configurable;
use syn::{LitStr, spanned::Spanned};

use super::value;
use crate::model::{CircuitBreaker, Layer, Settings, Timeout, timeouts_above};

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
    const BREAKER: Self = Self {
        layer: "CircuitBreaker",
        site: "BreakerSite",
        config: "CircuitBreakerConfig",
        place: "__BREAKER",
        handle: "__breaker",
    };

    const RETRY: Self =
        Self { layer: "Retry", site: "RetrySite", config: "RetryConfig", place: "__RETRY", handle: "__retry" };

    fn of(layer: &Layer) -> Self {
        match layer {
            Layer::Retry(_) => Self::RETRY,
            Layer::CircuitBreaker(_) => Self::BREAKER,
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

/// The variable that the layer needs, and the static that it leads to.
pub(super) fn used(layer: &Layer) -> (Ident, Ident) {
    (handle(layer), ident(Names::of(layer).place))
}

/// The variable that the layer needs.
pub(super) fn handle(layer: &Layer) -> Ident {
    ident(Names::of(layer).handle)
}

/// The static.
pub(super) fn policy(layer: &Layer) -> TokenStream {
    let names = Names::of(layer);
    let parts = match layer {
        Layer::Retry(retry) => written(&names, &retry.name, &retry.settings),
        Layer::CircuitBreaker(breaker) => written_breaker(&names, breaker),
        Layer::Bulkhead(bulkhead) => written(&names, &bulkhead.name, &bulkhead.settings),
        Layer::RateLimit(limit) => written(&names, &limit.name, &limit.settings),
        Layer::Timeout(timeout) => written(&names, &timeout.name, &timeout.settings),
    };
    place(&names, parts)
}

/// The static of a breaker that is the only layer of its function, `of` that name and line. A macro in the runtime's `private` module makes it.
pub(super) fn lone_breaker(breaker: &CircuitBreaker, private: &TokenStream, of: &TokenStream) -> TokenStream {
    let place = ident(Names::BREAKER.place);
    let Parts { name, config, is_configured, rule } = written_breaker(&Names::BREAKER, breaker);
    let rule = super::unless_empty(rule);
    quote_spanned!(Span::mixed_site()=> #private::lone_breaker! { #place = #of, #name, #config, #is_configured #rule })
}

/// What an attribute says, as it stands in the static.
struct Parts {
    name: TokenStream,
    config: TokenStream,
    is_configured: bool,
    /// Of the user's own.
    rule: TokenStream,
}

fn written<Config: Configurable>(names: &Names, name: &Option<LitStr>, settings: &Settings<Config>) -> Parts {
    written_with(names, name, settings, TokenStream::new())
}

/// The same, where the configuration has one `setter` more.
fn written_with<Config: Configurable>(
    names: &Names,
    name: &Option<LitStr>,
    settings: &Settings<Config>,
    setter: TokenStream,
) -> Parts {
    let name = match name {
        Some(name) => quote_spanned!(Span::mixed_site()=> __resilience::Some(#name)),
        None => quote_spanned!(Span::mixed_site()=> __resilience::None),
    };
    let is_configured = !settings.written.is_empty();
    Parts { name, config: checked(names, settings, setter), is_configured, rule: TokenStream::new() }
}

fn written_breaker(names: &Names, breaker: &CircuitBreaker) -> Parts {
    let (setter, rule) = super::circuit_breaker::trip_rule(breaker);
    let written = written_with(names, &breaker.name, &breaker.settings, setter);
    Parts { is_configured: written.is_configured || !rule.is_empty(), rule, ..written }
}

/// The configuration with one `setter` more. Literals have been checked; what the compiler evaluates, it has to check as well.
fn checked<Config: Configurable>(names: &Names, settings: &Settings<Config>, setter: TokenStream) -> TokenStream {
    let mut config = config(names, settings);
    config.extend(setter);
    match settings.expressions().next() {
        Some(first) => {
            let config_type = ident(names.config);
            quote_spanned!(super::located_at(first.span())=> __resilience::#config_type::validated(#config))
        }
        None => config,
    }
}

fn place(names: &Names, Parts { name, config, is_configured, rule }: Parts) -> TokenStream {
    let (place, site) = (ident(names.place), ident(names.site));
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

/// `__resilience::RetryConfig::NOTHING.attempts(3)`
fn config<Config: Configurable>(names: &Names, settings: &Settings<Config>) -> TokenStream {
    let config = ident(names.config);
    let mut config = quote_spanned!(Span::mixed_site()=> __resilience::#config::NOTHING);
    config.extend(value::setters(settings));
    config
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
