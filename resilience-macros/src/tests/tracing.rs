//! What the feature `tracing` adds: the runtime's tests see what becomes of it.

use quote::quote;

use super::{fallback, retry, timeout};

#[test]
fn a_call_runs_in_the_span_of_its_function_and_the_span_is_told_how_it_failed() {
    let function = || {
        quote!(
            async fn f(a: A) -> Result<(), Error> {}
        )
    };
    let (of_async, of_sync) =
        (":: in_span :: < Result < () , Error > , _ > (", "let __span = __resilience :: enter_span (");
    for (expansion, span, operation) in [
        (retry(quote!(), function()), of_async, "__retry . operation ()"),
        (timeout(quote!("2s"), function()), of_async, "__timeout . operation ()"),
        (fallback(quote!(other), function()), of_async, "__operation"),
        (
            retry(
                quote!(),
                quote!(
                    fn f(a: A) -> Result<(), Error> {}
                ),
            ),
            of_sync,
            "__retry . operation ()",
        ),
    ] {
        let expansion = expansion.to_string();
        assert!(expansion.contains(&format!("{span}{operation}")), "{span}{operation} in {expansion}");
        assert_eq!(expansion.contains("in_span"), span == of_async, "{expansion}");
        assert_eq!(expansion.contains("enter_span"), span == of_sync, "{expansion}");
        // Where a fallback answers for every failure, none comes out.
        assert_eq!(expansion.contains(":: told ("), operation != "__operation", "{expansion}");
    }
}
