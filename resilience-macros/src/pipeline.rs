//! The driver: the one place where a `Result` becomes tokens.

use proc_macro2::TokenStream;
use syn::Result;

use crate::{
    error::Errors,
    expand, model, recover,
    syntax::{self, Kind, Written},
};

/// Expands the attribute `kind`, written with `arguments` above `item`.
pub(crate) fn run(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    if syntax::is_taken(&arguments) {
        return TokenStream::new();
    }
    let written = Written::new(kind, arguments, item);
    if written.is_half_typed {
        // What is missing would be an error about something else.
        return recover::as_written(&written, None);
    }
    guard(&written).unwrap_or_else(|errors| recover::as_written(&written, Some(&errors)))
}

fn guard(written: &Written) -> Result<TokenStream> {
    let mut errors = Errors::default();
    let annotated = syntax::parse(written, &mut errors);
    let guarded = model::check(annotated, &mut errors);
    let guarded = errors.finish(guarded)?;
    let function = expand::function(&guarded, written.taken_paths());
    Ok(match expand::is_told_apart(&guarded) {
        true => expand::beside_as_written(written, &function),
        false => function,
    })
}
