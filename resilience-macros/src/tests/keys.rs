//! The attributes know the keys that the configuration lists, no others, and hand each on under its own name.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use resilience_config::{
    BulkheadConfig, CircuitBreakerConfig, Configurable, Rate, RateLimitConfig, RetryConfig, Takes, TimeoutConfig,
};

use super::{bulkhead, circuit_breaker, messages, rate_limit, retry, timeout};

/// Its default as an attribute is given it.
fn default_of<C: Configurable>(key: &resilience_config::Key<C>, settings: &C::Settings) -> TokenStream {
    let shown = match (key.show, key.name) {
        (Some(show), _) => show(settings),
        (None, "preset") => "database".to_owned(),
        (None, _) => "true".to_owned(),
    };
    let is_text = matches!(key.takes, Takes::Duration | Takes::Window | Takes::Rate) && shown != "none";
    if is_text { shown.to_token_stream() } else { shown.parse().expect("tokens") }
}

fn agrees<C: Configurable>(
    base: C,
    attribute: fn(TokenStream, TokenStream) -> TokenStream,
    required: &str,
    beside: &str,
) {
    let settings = base.settings();
    for key in C::KEYS {
        let required = if matches!(key.name, "after" | "rate" | "preset") { "" } else { required };
        let beside = match key.name {
            "max_keys" | "slow_call_rate" | "between" => beside,
            _ => "",
        };
        let (name, value): (TokenStream, _) = (key.name.parse().expect("a key"), default_of(key, &settings));
        let (required, beside): (TokenStream, TokenStream) =
            (required.parse().expect("tokens"), beside.parse().expect("tokens"));
        let function = quote!(
            async fn f(x: u8) -> Result<(), Error> {}
        );
        let expansion = attribute(quote!(#required #name = #value, #beside), function);
        let messages = messages(&expansion);
        if key.in_attribute {
            assert_eq!(messages, [""; 0], "{} = {value}", key.name);
            let setter = if value.to_string() == "none" { key.off.unwrap_or(key.name) } else { key.name };
            let expansion = expansion.to_string();
            assert!(expansion.contains(&format!(". {setter} (")), "{setter}: {expansion}");
        } else {
            assert!(messages[0].starts_with(&format!("unknown key `{}`", key.name)), "{messages:?}");
        }
    }
}

#[test]
fn every_key_of_the_configuration_and_its_default() {
    agrees(CircuitBreakerConfig::new(), circuit_breaker, "", "key = x, slow_call = \"1s\"");
    agrees(RetryConfig::new(), retry, "", "");
    agrees(TimeoutConfig::new().after(Duration::from_secs(1)), timeout, "\"1s\", ", "stream = true");
    agrees(BulkheadConfig::new(), bulkhead, "", "key = x");
    agrees(RateLimitConfig::new().rate(Rate::per_second(1)), rate_limit, "\"1/s\", ", "key = x");
}
