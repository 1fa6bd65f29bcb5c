use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

/// Drops what is `inside` when it takes too long. That is a future of its own, which borrows what it does not use up.
pub(super) fn around(handle: &Ident, inside: &TokenStream) -> TokenStream {
    let future = quote_spanned!(Span::mixed_site()=> async { #inside __result });
    let value = quote_spanned!(Span::mixed_site()=> __result);
    let timed = timed(handle, &future, &value);
    quote_spanned!(Span::mixed_site()=> let __result = { #timed };)
}

/// The `value` of the layer, made of `__result`, which is what the `future` returned in time. At the end of the first
/// statement the future is gone.
pub(super) fn timed(handle: &Ident, future: &TokenStream, value: &TokenStream) -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        let __timed = #handle.get().run(::core::pin::pin!(#future)).await;
        match __timed {
            __resilience::Ok(__result) => #value,
            __resilience::Err(__rejection) => __resilience::Err(__resilience::Failure::Rejected(__rejection)),
        }
    }
}
