//! The driver: the one place where a `Result` becomes tokens.

use std::{env, ffi::OsStr, path::Path, sync::OnceLock};

use proc_macro2::{Group, TokenStream};
use quote::quote;
use syn::Result;

use crate::{
    error::Errors,
    expand, model, recover,
    syntax::{self, Kind, Sketch, Written},
};

/// Expands the attribute `kind`, written with `arguments` above `item`, for whoever asks.
pub(crate) fn run(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    match is_in_editor() {
        true => shown(kind, arguments, item),
        false => generated(kind, arguments, item),
    }
}

/// Whether this is run by an editor's language server, which has macros expanded by a program of its own. The compiler is given no second
/// copy of every function for it, which a `#[cfg]` would take, and no condition that it does not know.
fn is_in_editor() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let program = env::current_exe().ok();
        let name = program.as_deref().and_then(Path::file_name).and_then(OsStr::to_str);
        name.is_some_and(|name| name.contains("rust-analyzer"))
    })
}

/// What an editor is shown: the function as it was written, and what its attributes name.
///
/// Completion compares what is written with the same and a word more, token by token up to that word: so it depends on nothing that the word
/// may make a mistake, and mistakes come last.
pub(crate) fn shown(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    if syntax::is_taken(&arguments) {
        return TokenStream::new();
    }
    let written = Written::new(kind, arguments.clone(), item.clone());
    let errors = match written.is_half_typed {
        true => None,
        false => guard(&written).err().map(|errors| errors.to_compile_error()),
    };
    let sketch = Sketch::new(kind, arguments, item);
    // What is missing at the end of a body is shown at the closing brace.
    let function = recover::beginning_with(&expand::mentions(&sketch), sketch.function.clone(), Group::span_close);
    let kept = &sketch.kept;
    quote!(#kept #function #errors)
}

/// What the compiler is given.
pub(crate) fn generated(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
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
