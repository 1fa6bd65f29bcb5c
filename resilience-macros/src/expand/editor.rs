//! What an editor is shown of the attributes: a statement that never runs and names all that they name, each where it was written.
//!
//! ```text
//! // Input:
//! #[circuit_breaker("payment", mode = monitor, ignore_if = is_found, fail)]
//! #[fallback = queue]
//!
//! // Output:
//! if false {
//!     if false { return { private::editor::circuit_breaker::mode({ let _ = private::editor::words::mode::monitor; loop {} }); loop {} }; }
//!     if false { return { private::editor::circuit_breaker::ignore_if(is_found) }; }
//!     if false { return { private::editor::circuit_breaker::fail(loop {}); loop {} }; }
//!     let _ = queue;
//! };
//! ```
//!
//! Up to any word of the attributes it is the same whatever that word is: completion compares it with one in which the word is another.
//! It has no variable and no import, which would be offered in the body.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use resilience_config::{
    BulkheadConfig, CircuitBreakerConfig, Configurable, RateLimitConfig, RetryConfig, Takes, TimeoutConfig, find_key,
};
use syn::ext::IdentExt;

use super::{keyed, uses};
use crate::syntax::{Kind, Sketch, Slot, elements, is_literal, lone_word};

/// The statement.
pub(crate) fn mentions(sketch: &Sketch) -> TokenStream {
    let runtime = match &sketch.runtime {
        Some(path) => path.to_token_stream(),
        None => quote_spanned!(Span::mixed_site()=> ::resilience_runtime),
    };
    let editor = quote_spanned!(Span::mixed_site()=> #runtime::private::editor);
    let resolved = sketch.ours.iter().filter(|ours| !ours.is_pair).filter_map(|ours| ours.path.as_ref());
    let uses = uses(resolved);
    let mentions = sketch.ours.iter().flat_map(|ours| {
        let site = Site { editor: &editor, kind: ours.kind, is_async: sketch.is_async() };
        ours.slots.iter().map(move |slot| site.mention(slot))
    });
    let mentions: TokenStream = mentions.collect();
    // The semicolon keeps it from being what an empty body returns.
    quote_spanned!(Span::mixed_site()=> if false { #uses #mentions };)
}

/// Where a slot is.
#[derive(Clone, Copy)]
struct Site<'a> {
    /// The path of the module that has the keys and the words.
    editor: &'a TokenStream,
    kind: Kind,
    is_async: bool,
}

impl Site<'_> {
    fn mention(self, slot: &Slot) -> TokenStream {
        match slot {
            Slot::Keyed(key, value) => self.keyed(key, value),
            // A place for a path, or for a key.
            Slot::Alone(tokens) if tokens.is_empty() && self.kind == Kind::Fallback => {
                quote_spanned!(Span::mixed_site()=> let _ = loop {};)
            }
            Slot::Alone(tokens) if tokens.is_empty() => {
                self.keyed(&Ident::new("name", Span::mixed_site()), &TokenStream::new())
            }
            Slot::Alone(tokens) => match lone_word(tokens).filter(|_| self.kind != Kind::Fallback) {
                Some(key) => self.keyed(&key, &TokenStream::new()),
                None if is_literal(tokens) => TokenStream::new(),
                None => quote_spanned!(Span::mixed_site()=> let _ = #tokens;),
            },
        }
    }

    fn keyed(self, key: &Ident, value: &TokenStream) -> TokenStream {
        let (editor, module) = (self.editor, Ident::new(self.kind.name(), Span::mixed_site()));
        let name = key.unraw().to_string();
        let key = match &*name {
            // No function can be called so, and what it is has been used.
            "crate" => return TokenStream::new(),
            "if" => &Ident::new_raw("if", key.span()),
            _ => key,
        };
        let function = quote_spanned!(Span::mixed_site()=> #editor::#module::#key);
        let nothing = quote_spanned!(Span::mixed_site()=> loop {});
        let value = match self.words(&name, value) {
            Some(words) => quote_spanned!(Span::mixed_site()=> { #words #nothing }),
            None if value.is_empty() || is_literal(value) => nothing.clone(),
            None if name == "key" => match syn::parse2(value.clone()) {
                Ok(key @ syn::Expr::Tuple(_)) => keyed::reference(&key),
                _ => quote_spanned!(Span::mixed_site()=> &(#value)),
            },
            None => value.clone(),
        };
        // What returns a hook's error type is what gives a closure's parameters their types.
        match self.is_async {
            false => quote_spanned!(Span::mixed_site()=> #function(#value);),
            true if is_hook(self.kind, &name) => {
                quote_spanned!(Span::mixed_site()=> if false { return { #function(#value) }; })
            }
            true => quote_spanned!(Span::mixed_site()=> if false { return { #function(#value); #nothing }; }),
        }
    }

    /// The value of the key of that `name`, where it is of words.
    fn words(self, name: &str, value: &TokenStream) -> Option<TokenStream> {
        let (takes, may_be_off) = takes(self.kind, name)?;
        let (set, first) = match takes {
            Takes::Word { of, words } => (of.to_lowercase(), words[0]),
            Takes::Jitter => ("jitter".to_owned(), "full"),
            Takes::Window => ("window".to_owned(), "none"),
            Takes::Rejections => {
                let elements = elements(value)?.map(|element| self.word("rejections", "timed_out", &element));
                let elements = elements.map(|word| word.unwrap_or_default());
                return Some(quote_spanned!(Span::mixed_site()=> let _ = [#(#elements),*];));
            }
            _ if may_be_off => ("off".to_owned(), "none"),
            _ => return None,
        };
        let word = self.word(&set, first, value)?;
        Some(quote_spanned!(Span::mixed_site()=> let _ = #word;))
    }

    /// A word of this `set`, of which the `first` holds the place of one that is not there yet.
    fn word(self, set: &str, first: &str, written: &TokenStream) -> Option<TokenStream> {
        let word = match written.is_empty() {
            true => Ident::new(first, Span::mixed_site()),
            false => lone_word(written)?,
        };
        let (editor, set) = (self.editor, Ident::new(set, Span::mixed_site()));
        Some(quote_spanned!(Span::mixed_site()=> #editor::words::#set::#word))
    }
}

/// What a key takes, and whether it may be off.
fn takes(kind: Kind, key: &str) -> Option<(Takes, bool)> {
    fn of<C: Configurable>(key: &str) -> Option<(Takes, bool)> {
        find_key::<C>(key).map(|key| (key.takes, key.off.is_some()))
    }
    match kind {
        Kind::Retry => of::<RetryConfig>(key),
        Kind::CircuitBreaker => of::<CircuitBreakerConfig>(key),
        Kind::Bulkhead => of::<BulkheadConfig>(key),
        Kind::RateLimit => of::<RateLimitConfig>(key),
        Kind::Timeout => of::<TimeoutConfig>(key),
        _ => (matches!(kind, Kind::Fallback) && key == "on").then_some((Takes::Rejections, false)),
    }
}

/// Whether the key takes a function that is asked about a call.
fn is_hook(kind: Kind, key: &str) -> bool {
    let of_the_program = match kind {
        Kind::Retry => RetryConfig::OF_THE_PROGRAM,
        Kind::CircuitBreaker => CircuitBreakerConfig::OF_THE_PROGRAM,
        Kind::Fallback => &["if", "map_rejection", "classify"],
        _ => &["map_rejection", "classify"],
    };
    of_the_program.contains(&key) && !matches!(key, "key" | "name" | "stream" | "classify_item" | "crate")
}
