use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use resilience_config::{Backoff, Jitter, Mode, Preset, Rate, Rejections, Window};
use syn::{Expr, spanned::Spanned};

use crate::{
    model::{Settings, Value},
    syntax::Given,
};

/// The calls of a const builder's setters: `.failure_rate(50.0).open_for(__resilience::Duration::from_secs(30))`
pub(super) fn setters<Config>(settings: &Settings<Config>) -> TokenStream {
    let setters = settings.written.iter().map(|setting| {
        // With the span of the key, so that an editor shows there what it means.
        let (key, value) = (&setting.key, tokens(&setting.value));
        quote_spanned!(Span::mixed_site()=> .#key(#value))
    });
    setters.collect()
}

fn tokens(value: &Value) -> TokenStream {
    match value {
        Value::Count(Given::Literal(count)) => Literal::u32_unsuffixed(*count).to_token_stream(),
        Value::Number(Given::Literal(number)) => Literal::f64_unsuffixed(*number).to_token_stream(),
        Value::Duration(Given::Literal(time)) => duration(*time),
        Value::Window(Given::Literal(literal)) => window(*literal),
        Value::Mode(literal) => mode(*literal),
        Value::Preset(literal) => preset(*literal),
        Value::Backoff(literal) => backoff(*literal),
        Value::Jitter(Given::Literal(literal)) => jitter(*literal),
        Value::Rejections(literal) => rejections(*literal),
        Value::Rate(Given::Literal(literal)) => rate(*literal),
        Value::Count(Given::Expression(expression))
        | Value::Duration(Given::Expression(expression))
        | Value::Rate(Given::Expression(expression)) => expression.to_token_stream(),
        Value::Jitter(Given::Expression(expression)) => {
            let share = constant(expression, "number");
            quote_spanned!(Span::mixed_site()=> __resilience::Jitter::Share(#share))
        }
        Value::Number(Given::Expression(expression)) => constant(expression, "number"),
        Value::Window(Given::Expression(expression)) => constant(expression, "window"),
    }
}

/// In the largest unit that is exact.
fn duration(time: Duration) -> TokenStream {
    let nanos = time.subsec_nanos();
    if nanos == 0 {
        let secs = Literal::u64_unsuffixed(time.as_secs());
        quote_spanned!(Span::mixed_site()=> __resilience::Duration::from_secs(#secs))
    } else if nanos.is_multiple_of(1_000_000) {
        let millis = Literal::u128_unsuffixed(time.as_millis());
        quote_spanned!(Span::mixed_site()=> __resilience::Duration::from_millis(#millis))
    } else {
        let (secs, nanos) = (Literal::u64_unsuffixed(time.as_secs()), Literal::u32_unsuffixed(nanos));
        quote_spanned!(Span::mixed_site()=> __resilience::Duration::new(#secs, #nanos))
    }
}

fn window(window: Window) -> TokenStream {
    match window {
        Window::Time(time) => {
            let time = duration(time);
            quote_spanned!(Span::mixed_site()=> __resilience::Window::Time(#time))
        }
        Window::Count(calls) => {
            let calls = Literal::u32_unsuffixed(calls);
            quote_spanned!(Span::mixed_site()=> __resilience::Window::Count(#calls))
        }
        Window::None => quote_spanned!(Span::mixed_site()=> __resilience::Window::None),
    }
}

fn mode(mode: Mode) -> TokenStream {
    match mode {
        Mode::Enforce => quote_spanned!(Span::mixed_site()=> __resilience::Mode::Enforce),
        Mode::Monitor => quote_spanned!(Span::mixed_site()=> __resilience::Mode::Monitor),
        Mode::Off => quote_spanned!(Span::mixed_site()=> __resilience::Mode::Off),
    }
}

fn preset(preset: Preset) -> TokenStream {
    match preset {
        Preset::WebService => quote_spanned!(Span::mixed_site()=> __resilience::Preset::WebService),
        Preset::Database => quote_spanned!(Span::mixed_site()=> __resilience::Preset::Database),
        Preset::ExternalApi => quote_spanned!(Span::mixed_site()=> __resilience::Preset::ExternalApi),
        Preset::InternalService => quote_spanned!(Span::mixed_site()=> __resilience::Preset::InternalService),
    }
}

fn backoff(backoff: Backoff) -> TokenStream {
    match backoff {
        Backoff::Constant => quote_spanned!(Span::mixed_site()=> __resilience::Backoff::Constant),
        Backoff::Linear => quote_spanned!(Span::mixed_site()=> __resilience::Backoff::Linear),
        Backoff::Exponential => quote_spanned!(Span::mixed_site()=> __resilience::Backoff::Exponential),
        Backoff::Fibonacci => quote_spanned!(Span::mixed_site()=> __resilience::Backoff::Fibonacci),
        Backoff::Decorrelated => quote_spanned!(Span::mixed_site()=> __resilience::Backoff::Decorrelated),
    }
}

fn jitter(jitter: Jitter) -> TokenStream {
    match jitter {
        Jitter::None => quote_spanned!(Span::mixed_site()=> __resilience::Jitter::None),
        Jitter::Equal => quote_spanned!(Span::mixed_site()=> __resilience::Jitter::Equal),
        Jitter::Full => quote_spanned!(Span::mixed_site()=> __resilience::Jitter::Full),
        Jitter::Share(share) => {
            let share = Literal::f64_unsuffixed(share);
            quote_spanned!(Span::mixed_site()=> __resilience::Jitter::Share(#share))
        }
    }
}

/// `__resilience::Rejections::TIMED_OUT.and(__resilience::Rejections::RATE_LIMITED)`
pub(super) fn rejections(set: Rejections) -> TokenStream {
    let kinds = Rejections::ALL.into_iter().filter(|(_, kind)| set.contains(*kind)).map(|(name, _)| {
        let constant = Ident::new(&name.to_uppercase(), Span::mixed_site());
        quote_spanned!(Span::mixed_site()=> __resilience::Rejections::#constant)
    });
    kinds
        .reduce(|set, kind| quote_spanned!(Span::mixed_site()=> #set.and(#kind)))
        .unwrap_or_else(|| quote_spanned!(Span::mixed_site()=> __resilience::Rejections::NONE))
}

fn rate(Rate { count, per }: Rate) -> TokenStream {
    let (count, per) = (Literal::u32_unsuffixed(count), duration(per));
    quote_spanned!(Span::mixed_site()=> __resilience::Rate { count: #count, per: #per })
}

/// An expression for a key that takes several types: `__resilience::Constant(EXPRESSION).window()`
fn constant(expression: &Expr, conversion: &str) -> TokenStream {
    // What the conversion refuses is an error about the expression.
    let here = super::located_at(expression.span());
    let conversion = Ident::new(conversion, here);
    quote_spanned!(here=> __resilience::Constant(#expression).#conversion())
}
