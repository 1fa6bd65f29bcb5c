use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::model::{Bulkhead, Guarded};

/// Takes a place, and gives it to the next when what is `inside` has ended.
pub(super) fn around(guarded: &Guarded, bulkhead: &Bulkhead, inside: &TokenStream) -> TokenStream {
    let acquire = match bulkhead.may_wait() && !guarded.target.form.is_sync() {
        true => quote_spanned!(Span::mixed_site()=> __resilience::AssertUnwindSafe(__bulkhead.get().acquire()).await),
        false => quote_spanned!(Span::mixed_site()=> __bulkhead.get().try_acquire()),
    };
    quote_spanned! {Span::mixed_site()=>
        let __result = '__bulkhead: {
            let __place = match #acquire {
                __resilience::Ok(__place) => __place,
                __resilience::Err(__rejection) => {
                    break '__bulkhead __resilience::Err(__resilience::Failure::Rejected(__rejection));
                }
            };
            #inside
            __result
        };
    }
}
