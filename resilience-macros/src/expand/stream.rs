//! A function that answers with a stream: what its layers hold goes with the stream, and ends with it.
//!
//! ```text
//! // Input:
//! #[circuit_breaker("feed", stream = true)]
//! async fn feed(of: &str) -> Result<impl Stream<Item = Result<Price, Error>>, Error> { BODY }
//!
//! // Output, beside what there is without:
//! let __result = called_stream(BODY);                                   // Result<Head<S>, Failure<E>>
//! let __result = match __result {
//!     Ok(__head) => Ok(__head.with_permit(__permit)),
//!     __result => settle(__permit, …, __result, every, nothing),
//! };
//! let (__held, __result) = apart(__result);                             // Result<S, Failure<E>>
//! let __items = known_items_of::<Result<Price, Error>, _, _>(&__result);
//! let __judge = __items.errors().describe_error();
//! let __result = finish(__result, FromRejection);                       // Result<S, Error>
//! guarded_stream(__result, __held, __judge, NeverTimesOut)
//! ```

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::{body, located_at};
use crate::model::{Guarded, Stream, Timeout};

/// The stream that comes out of a circuit breaker takes the permit along; `settled` is for everything else.
pub(super) fn with_permit(guarded: &Guarded, settled: TokenStream) -> TokenStream {
    if guarded.stream.is_none() {
        return settled;
    }
    // A head may say something itself: that of an HTTP response has a status.
    let (verdict, with_permit) = match guarded.classify {
        None => (None, quote_spanned!(Span::mixed_site()=> __head.with_permit(__permit))),
        Some(_) => (
            Some(
                quote_spanned!(Span::mixed_site()=> let __verdict = __resilience::verdict_of_head(&__result, &__classify);),
            ),
            quote_spanned!(Span::mixed_site()=> __head.with_judged_permit(__permit, __verdict)),
        ),
    };
    quote_spanned! {Span::mixed_site()=>
        #verdict
        match __result {
            __resilience::Ok(__head) => __resilience::Ok(#with_permit),
            __result => #settled,
        }
    }
}

/// What is held for a stream for which a fallback answers, with the `answer` of that, is let go.
pub(super) fn let_go(guarded: &Guarded, answer: TokenStream) -> TokenStream {
    match has_failed_heads(guarded) {
        true => quote_spanned!(Span::mixed_site()=> __resilience::let_go(#answer, &mut __held)),
        false => answer,
    }
}

/// Where there may be a stream and yet a fallback answers: because `classify` says so of its head.
fn has_failed_heads(guarded: &Guarded) -> bool {
    guarded.stream.is_some() && guarded.classify.is_some() && guarded.fallback.is_some()
}

/// The stream, apart from what is held for it.
pub(super) fn apart(guarded: &Guarded) -> TokenStream {
    let held = match has_failed_heads(guarded) {
        true => quote_spanned!(Span::mixed_site()=> mut __held),
        false => quote_spanned!(Span::mixed_site()=> __held),
    };
    quote_spanned!(Span::mixed_site()=> let (#held, __result) = __resilience::apart(__result);)
}

/// The stream that comes out of a bulkhead takes the place along.
pub(super) fn with_place(guarded: &Guarded) -> Option<TokenStream> {
    guarded.stream.as_ref()?;
    Some(quote_spanned!(Span::mixed_site()=> let __result = __result.map(|__head| __head.with_place(__place));))
}

/// What comes out of a `timeout` that limits the waits for items is limited from then on.
pub(super) fn with_timeout(guarded: &Guarded, timeout: &Timeout, handle: &Ident) -> Option<TokenStream> {
    guarded.stream.as_ref().filter(|_| timeout.settings.has("between"))?;
    Some(quote_spanned!(Span::mixed_site()=> let __result = __result.map(|__head| __head.with_timeout(#handle.get()));))
}

/// Takes the stream that is left of all layers apart from what they hold, and puts it together again at the `end`, which makes the
/// function's own result of the rest. Rejections are made into errors by `map`.
pub(super) fn end(guarded: &Guarded, stream: &Stream, map: &TokenStream, end: &TokenStream) -> TokenStream {
    // What is no stream, and what cannot be guarded any more, is an error about the return type.
    let at = located_at(guarded.target.result_span);
    let items = match &stream.item {
        Some(item) => {
            let item = body::nameable(item.to_token_stream());
            quote_spanned!(at=> __resilience::known_items_of::<#item, _, _>(&__result))
        }
        None => quote_spanned!(at=> __resilience::items_of(&__result)),
    };
    let described = quote_spanned!(Span::mixed_site()=> __items.errors().describe_error());
    let judge = match &stream.classify_item {
        Some(classify) => {
            quote_spanned!(Span::mixed_site()=> __resilience::classified_items(&__items, #described, #classify))
        }
        None => described,
    };
    // What cannot say that it has timed out is an error about the key.
    let made = match &stream.between {
        Some(between) => {
            quote_spanned!(located_at(between.span())=> __resilience::times_out(&__items, #map))
        }
        None => quote_spanned!(Span::mixed_site()=> __resilience::NeverTimesOut),
    };
    let guarded_by = match stream.is_opaque {
        true => quote_spanned!(at=> __resilience::guarded_stream(__result, __held, __judge, __made)),
        false => quote_spanned!(at=> __resilience::guarded_box(__result, __held, __judge, __made)),
    };
    quote_spanned! {Span::mixed_site()=>
        let __items = #items;
        let __judge = #judge;
        let __made = #made;
        let __result = { #end };
        #guarded_by
    }
}
