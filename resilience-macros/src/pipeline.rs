//! The driver: the one place where a `Result` becomes tokens.

use std::{env, ffi::OsStr, path::Path, sync::OnceLock};

use proc_macro2::{Group, TokenStream};
use quote::quote;
use syn::Result;

use crate::{
    error::Errors,
    expand,
    model::{self, Guarded},
    recover,
    syntax::{self, Kind, Sketch, Written},
};

/// Who has attributes expanded.
#[derive(Clone, Copy)]
enum Reader {
    Compiler,
    /// Documentation is made of signatures, and shows them as they were written.
    Documentation,
    Editor,
}

/// Expands the attribute `kind`, written with `arguments` above `item`, for whoever asks.
pub(crate) fn run(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    match reader() {
        Reader::Compiler => generated(kind, arguments, item),
        Reader::Documentation => documented(kind, arguments, item),
        Reader::Editor => shown(kind, arguments, item),
    }
}

/// Who that is, by the program that this is run by: an editor's language server has macros expanded by one of its own. So the compiler is given no second copy of
/// every function, which a `#[cfg]` would take, and no condition that it does not know.
fn reader() -> Reader {
    static READER: OnceLock<Reader> = OnceLock::new();
    *READER.get_or_init(|| {
        let program = env::current_exe().ok();
        let name = program.as_deref().and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default();
        if name.contains("rust-analyzer") {
            Reader::Editor
        } else if name.contains("rustdoc") {
            Reader::Documentation
        } else {
            Reader::Compiler
        }
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
    expanded(kind, arguments, item, |written, guarded| expand::function(guarded, written.taken_paths()))
}

/// What documentation is made of: the same, but for a function of which the signature would read otherwise.
pub(crate) fn documented(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    expanded(kind, arguments, item, |written, guarded| match expand::is_told_apart(guarded) {
        true => recover::as_written(written, None),
        false => expand::function(guarded, written.taken_paths()),
    })
}

/// What `expand` makes of the function, or the function as it was written.
fn expanded(
    kind: Kind,
    arguments: TokenStream,
    item: TokenStream,
    expand: impl FnOnce(&Written, &Guarded) -> TokenStream,
) -> TokenStream {
    if syntax::is_taken(&arguments) {
        return TokenStream::new();
    }
    let written = Written::new(kind, arguments, item);
    if written.is_half_typed {
        // What is missing would be an error about something else.
        return recover::as_written(&written, None);
    }
    match guard(&written) {
        Ok(guarded) => expand(&written, &guarded),
        Err(errors) => recover::as_written(&written, Some(&errors)),
    }
}

fn guard(written: &Written) -> Result<Guarded> {
    let mut errors = Errors::default();
    let annotated = syntax::parse(written, &mut errors);
    let guarded = model::check(annotated, &mut errors);
    errors.finish(guarded)
}
