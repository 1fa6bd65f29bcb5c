use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use super::{keyed, stream};
use crate::model::{Bulkhead, Guarded};

/// Takes a place, and gives it to the next when what is `inside` has ended.
pub(super) fn around(guarded: &Guarded, bulkhead: &Bulkhead, inside: &TokenStream) -> TokenStream {
    let waits = bulkhead.may_wait() && !guarded.target.form.is_sync();
    let acquire = Ident::new(if waits { "acquire" } else { "try_acquire" }, Span::mixed_site());
    let acquire = match &bulkhead.key {
        None => quote_spanned!(Span::mixed_site()=> __bulkhead.get().#acquire()),
        Some(key) => {
            let key = keyed::reference(key);
            keyed::asked(guarded, &key, quote_spanned!(Span::mixed_site()=> __bulkhead.keyed(#key).#acquire()))
        }
    };
    let acquire = match waits {
        true => quote_spanned!(Span::mixed_site()=> __resilience::AssertUnwindSafe(#acquire).await),
        false => acquire,
    };
    let held = stream::with_place(guarded);
    quote_spanned! {Span::mixed_site()=>
        let __result = '__bulkhead: {
            let __place = match #acquire {
                __resilience::Ok(__place) => __place,
                __resilience::Err(__rejection) => {
                    break '__bulkhead __resilience::Err(__resilience::Failure::Rejected(__rejection));
                }
            };
            #inside
            #held
            __result
        };
    }
}
