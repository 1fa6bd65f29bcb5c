//! Committed expansions. `UPDATE_EXPECT=1 cargo test -p resilience-macros` renews them; a change in one of them is a
//! change in every program that uses the attributes.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use quote::quote;

use super::{circuit_breaker, fallback};

fn expands_to(expansion: TokenStream, expected: ExpectFile) {
    // What a macro is given cannot be laid out in lines; the arguments of a function can.
    let without_pin = expansion.to_string().replace("pin !", "pin");
    let file = syn::parse_str(&without_pin).expect("an expansion is a function");
    expected.assert_eq(&prettyplease::unparse(&file).replace("__resilience::pin(", "__resilience::pin!("));
}

#[test]
fn circuit_breaker_on_a_function() {
    let expansion = circuit_breaker(
        quote!(
            "payment",
            failure_rate = 50,
            window = "10s",
            open_for = "30s",
            failure_if = |error| error.is_transient()
        ),
        quote! {
            /// Charges the customer.
            pub async fn charge(order: &Order) -> Result<Receipt, PaymentError> {
                let receipt = gateway().charge(order).await?;
                Ok(receipt)
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/function.rs"]);
}

#[test]
fn circuit_breaker_and_fallback_on_a_method() {
    let expansion = circuit_breaker(
        quote!("payment"),
        quote! {
            #[fallback = Self::queue]
            #[tracing::instrument(skip(self))]
            async fn charge(&self, order: Order, Token(token): Token) -> Result<Receipt, PaymentError> {
                self.gateway.charge(order, token).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/method_with_fallback.rs"]);
}

#[test]
fn circuit_breaker_with_constants_on_a_generic_function() {
    let expansion = circuit_breaker(
        quote!(
            failure_rate = RATE,
            window = WINDOW,
            slow_call = SLOW,
            slow_call_rate = 80,
            trip_if = |counts| counts.slow > 5
        ),
        quote! {
            async fn first<'a, T: Row + 'a>(rows: impl Source<T>) -> Result<impl Iterator<Item = &'a T>, Error>
            where
                T: Clone,
            {
                rows.read().await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/generic.rs"]);
}

#[test]
fn fallback_beside_unique_references() {
    let expansion = fallback(
        quote!(|this, buffer, failure| this.refill(buffer, failure)),
        quote! {
            #[circuit_breaker("disk", minimum_calls = 5)]
            async fn fill(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
                fn twice(&self) -> usize { self.0 * 2 }
                self.filled += 1;
                buffer = &mut buffer[1..];
                self.read(buffer).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/unique_references.rs"]);
}

#[test]
fn keyed_circuit_breaker() {
    let expansion = circuit_breaker(
        quote!(
            "inventory",
            key = warehouse + 1,
            max_keys = 64,
            map_rejection = StockError::rejected,
            crate = crate::guards
        ),
        quote! {
            async fn reserve(warehouse: u32, #[cfg(feature = "lots")] lot: u32) -> Result<(), StockError> {
                stock(warehouse).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/keyed.rs"]);
}

#[test]
fn fallback_alone_beside_a_conditional_argument() {
    let expansion = fallback(
        quote!(popular),
        quote! {
            async fn recommend(user: &User, #[cfg(feature = "regions")] region: Region) -> Result<Vec<Item>, Error> {
                #![allow(unused)]
                ask(user).await
            }
        },
    );
    expands_to(expansion, expect_file!["expansions/fallback_alone.rs"]);
}
