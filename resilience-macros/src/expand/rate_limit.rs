use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::model::{Guarded, RateLimit};

/// Asks for a turn before what is `inside` runs.
pub(super) fn around(guarded: &Guarded, limit: &RateLimit, inside: &TokenStream) -> TokenStream {
    let acquire = match limit.may_wait() && !guarded.target.form.is_sync() {
        true => quote_spanned!(Span::mixed_site()=> __resilience::AssertUnwindSafe(__rate_limit.get().acquire()).await),
        false => quote_spanned!(Span::mixed_site()=> __rate_limit.get().try_acquire()),
    };
    quote_spanned! {Span::mixed_site()=>
        let __result = '__rate_limit: {
            if let __resilience::Err(__rejection) = #acquire {
                break '__rate_limit __resilience::Err(__resilience::Failure::Rejected(__rejection));
            }
            #inside
            __result
        };
    }
}
