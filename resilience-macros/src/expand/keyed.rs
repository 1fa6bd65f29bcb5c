//! Asking the instance of a key, with what the key names of the arguments.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, ExprReference, Token, spanned::Spanned};

use super::arguments;
use crate::model::Guarded;

/// A reference to the key, for whoever prints it.
///
/// ```text
/// // Input:  order.warehouse
/// // Output: &order.warehouse
///
/// // Input:  (order.tenant, order.warehouse)
/// // Output: &(&order.tenant, &order.warehouse)
/// ```
pub(super) fn reference(key: &Expr) -> TokenStream {
    // Printed as one expression, in parentheses where the reference needs them.
    let reference = |of: Expr| {
        Expr::Reference(ExprReference {
            attrs: Vec::new(),
            and_token: Token![&](super::located_at(of.span())),
            mutability: None,
            expr: Box::new(of),
        })
    };
    let mut key = key.clone();
    if let Expr::Tuple(tuple) = &mut key {
        for part in &mut tuple.elems {
            *part = reference(part.clone());
        }
    }
    reference(key).to_token_stream()
}

/// What is `asked`, beside the body, of which `expressions` are a part that may name arguments.
pub(super) fn asked(guarded: &Guarded, expressions: &TokenStream, asked: TokenStream) -> TokenStream {
    let (before, after) = arguments::looked_into(guarded, expressions);
    match (before.is_empty(), after.is_empty()) {
        (true, _) => asked,
        (false, true) => quote_spanned!(Span::mixed_site()=> { #before #asked }),
        (false, false) => quote_spanned!(Span::mixed_site()=> { #before let __acquired = #asked; #after __acquired }),
    }
}
