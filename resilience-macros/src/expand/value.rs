use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use resilience_config::{Rate, Rejections, Takes, Value, Window, Written};
use syn::{Expr, spanned::Spanned};

use crate::{
    model::{Setting, Settings},
    syntax::Given,
};

/// The calls of a const builder's setters: `.failure_rate(50.0).open_for(__resilience::Duration::from_secs(30))`
pub(super) fn setters<Config>(settings: &Settings<Config>) -> TokenStream {
    let setters = settings.written.iter().map(|setting| {
        // With the span of the key, so that an editor shows there what it means.
        let key = &setting.key;
        match (setting.off, &setting.value) {
            (Some(off), Given::Literal(Written::Word(_))) => {
                let off = Ident::new(off, key.span());
                quote_spanned!(Span::mixed_site()=> .#off())
            }
            _ => {
                let value = tokens(setting);
                quote_spanned!(Span::mixed_site()=> .#key(#value))
            }
        }
    });
    setters.collect()
}

fn tokens(setting: &Setting) -> TokenStream {
    let literal = match &setting.value {
        Given::Literal(literal) => literal,
        Given::Expression(expression) => {
            return match setting.takes {
                Takes::Number => constant(expression, "number"),
                Takes::Window => constant(expression, "window"),
                Takes::Jitter => jitter(constant(expression, "number")),
                _ => expression.to_token_stream(),
            };
        }
    };
    match setting.takes {
        Takes::Count => Literal::u32_unsuffixed(read(setting, literal)).to_token_stream(),
        Takes::Number => Literal::f64_unsuffixed(read(setting, literal)).to_token_stream(),
        Takes::Switch => read::<bool>(setting, literal).to_token_stream(),
        Takes::Duration => duration(read(setting, literal)),
        Takes::Window => window(read(setting, literal)),
        Takes::Jitter => match literal {
            Written::Word(_) => word("Jitter", literal),
            _ => jitter(Literal::f64_unsuffixed(read(setting, literal)).to_token_stream()),
        },
        Takes::Rejections => rejections(read(setting, literal)),
        Takes::Rate => rate(read(setting, literal)),
        Takes::Word { of, .. } => word(of, literal),
    }
}

/// What a literal means, which was asked before.
fn read<T: Value>(setting: &Setting, literal: &Written<'_>) -> T {
    T::read(&setting.key.to_string(), literal).expect("it was read")
}

/// `external_api` as `__resilience::Preset::ExternalApi`.
fn word(of: &str, literal: &Written<'_>) -> TokenStream {
    let Written::Word(word) = literal else { unreachable!("a word was read") };
    let (of, variant) = (Ident::new(of, Span::mixed_site()), Ident::new(&variant(word), Span::mixed_site()));
    quote_spanned!(Span::mixed_site()=> __resilience::#of::#variant)
}

/// `external_api` as `ExternalApi`.
fn variant(word: &str) -> String {
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    word.split('_').map(capital).collect()
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
    window.by_kind(
        |time| {
            let time = duration(time);
            quote_spanned!(Span::mixed_site()=> __resilience::Window::Time(#time))
        },
        |calls| {
            let calls = Literal::u32_unsuffixed(calls);
            quote_spanned!(Span::mixed_site()=> __resilience::Window::Count(#calls))
        },
        || quote_spanned!(Span::mixed_site()=> __resilience::Window::None),
    )
}

fn jitter(share: TokenStream) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> __resilience::Jitter::Share(#share))
}

/// `__resilience::Rejections::TIMED_OUT.and(__resilience::Rejections::RATE_LIMITED)`
pub(super) fn rejections(set: Rejections) -> TokenStream {
    let kinds = set.names().map(|name| {
        let constant = Ident::new(&name.to_uppercase(), Span::mixed_site());
        quote_spanned!(Span::mixed_site()=> __resilience::Rejections::#constant)
    });
    kinds
        .reduce(|set, kind| quote_spanned!(Span::mixed_site()=> #set.and(#kind)))
        .unwrap_or_else(|| quote_spanned!(Span::mixed_site()=> __resilience::Rejections::NONE))
}

fn rate(rate: Rate) -> TokenStream {
    let (count, per) = (Literal::u32_unsuffixed(rate.count), duration(rate.per));
    quote_spanned!(Span::mixed_site()=> __resilience::Rate::new(#count, #per))
}

/// An expression for a key that takes several types: `__resilience::Constant(EXPRESSION).window()`
fn constant(expression: &Expr, conversion: &str) -> TokenStream {
    // What the conversion refuses is an error about the expression.
    let here = super::located_at(expression.span());
    let conversion = Ident::new(conversion, here);
    quote_spanned!(here=> __resilience::Constant(#expression).#conversion())
}
