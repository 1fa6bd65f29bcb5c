//! What is generated: the function as it was, with one block around its body.
//!
//! ```text
//! // Input:
//! #[circuit_breaker("payment", key = order.shop)]
//! async fn charge(order: &Order) -> Result<Receipt, Error> { BODY }
//!
//! // Output:
//! async fn charge(order: &Order) -> Result<Receipt, Error> {
//!     use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
//!     let __breaker = { static __BREAKER: … = …; &__BREAKER };
//!     let __result = '__circuit_breaker: {
//!         let mut __key = __breaker.of_a_key();
//!         let mut __permit = match __key.admit(&order.shop) {
//!             Ok(__permit) => __permit,
//!             Err(__rejection) => break '__circuit_breaker Err(Failure::Rejected(__rejection)),
//!         };
//!         let __result = __permit.watch(pin!(async move { BODY })).await;
//!         settle_any(__permit, called(__result))
//!     };
//!     finish(__result, FromRejection)
//! }
//! ```
//!
//! Where a function runs nothing of its own between its layers, they are one future of the runtime's own instead: see [`one_future`].
//!
//! Each layer is a `let __result = …;` around that of the next one, of type `Result<T, Failure<E>>`, and the innermost is the
//! body's. Only the last line makes an `E` of a rejection.
//!
//! The runtime's names go through `__resilience`, so that it does not matter what the user's module calls `Ok` or
//! `Result`. Macros are named by their whole paths: where the compiler cannot find another attribute of the function, it does not
//! follow the imports in it, and would say so beside the error. Variables have the hygiene of [`Span::mixed_site`], so that the body cannot see them.

mod arguments;
mod body;
mod bulkhead;
mod circuit_breaker;
mod editor;
mod fallback;
mod keyed;
mod one_future;
mod rate_limit;
mod retry;
mod site;
mod stream;
mod timeout;
mod value;

pub(crate) use editor::mentions;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Path, ext::IdentExt};

use crate::{
    model::{Form, FutureForm, Guarded, Layer},
    syntax::{RUNTIME, TAKEN},
};

/// The whole function.
pub(crate) fn function<'a>(guarded: &Guarded, taken: impl Iterator<Item = &'a Path>) -> TokenStream {
    let attributes = &guarded.function.attributes;
    let visibility = &guarded.function.visibility;
    let is_one_future = one_future::is(guarded);
    let mut signature = arguments::signature(guarded);
    if is_one_future {
        one_future::return_future(guarded, &mut signature);
    }
    let inner_attributes = unless_empty(guarded.function.body.inner_attributes.clone());
    let import = import(guarded);
    let uses = unless_empty(uses(taken));
    let statics = statics(guarded);
    let named = unless_empty(arguments::named(guarded));
    let kept = unless_empty(arguments::kept_for_fallback(guarded));
    let run = if is_one_future { one_future::future(guarded) } else { run(guarded) };
    let body = match &guarded.target.form {
        Form::Async | Form::Sync => quote_spanned!(Span::mixed_site()=> #statics #kept #run),
        // What is before the future takes the arguments, and sees them as they were written.
        Form::Future(form) if !form.before.is_empty() => {
            let given = arguments::given_before_future(guarded);
            let before = &form.before;
            let future = future(form, &quote_spanned!(Span::mixed_site()=> #statics #run));
            quote_spanned!(Span::mixed_site()=> #kept #given #before #future)
        }
        Form::Future(form) => future(form, &quote_spanned!(Span::mixed_site()=> #statics #kept #run)),
    };
    quote_spanned! {Span::mixed_site()=>
        #(#attributes)*
        #visibility #signature {
            #inner_attributes
            #import
            #uses
            #named
            #body
        }
    }
}

/// Nothing in place of no tokens: to put a stream into another is a call of the compiler, of an empty one too.
fn unless_empty(tokens: TokenStream) -> Option<TokenStream> {
    (!tokens.is_empty()).then_some(tokens)
}

/// Whether the signature reads otherwise than the user's.
pub(crate) fn is_told_apart(guarded: &Guarded) -> bool {
    arguments::has_names_of_ours(guarded) || one_future::is(guarded)
}

/// The call in its layers, once the statics are there.
fn run(guarded: &Guarded) -> TokenStream {
    let classify = classify(guarded);
    let call = call(guarded, &guarded.layers, false);
    let end = end(guarded);
    let run = quote_spanned!(Span::mixed_site()=> #classify #call #end);
    if cfg!(feature = "tracing") { in_span(guarded, &run) } else { run }
}

/// The future at the end of a function that returns one, boxed where it was.
fn future(form: &FutureForm, guarded: &TokenStream) -> TokenStream {
    let future = quote_spanned!(Span::mixed_site()=> async move { #guarded });
    match form.boxing.is_empty() {
        true => future,
        false => {
            let boxing = &form.boxing;
            quote_spanned!(Span::mixed_site()=> #boxing(#future))
        }
    }
}

/// The whole call as a future of its own, which is polled inside the span of its function: only with the runtime's feature `tracing`, without
/// which nothing of it is written.
///
/// ```text
/// __resilience::in_span::<Result<Receipt, Error>, _>(__breaker.operation(), async move { … }).await
/// ```
///
/// Where nothing is awaited, the thread is inside of the span up to the end of the call.
fn in_span(guarded: &Guarded, run: &TokenStream) -> TokenStream {
    let operation = match guarded.layers.first().map(site::handle) {
        Some(handle) => quote_spanned!(Span::mixed_site()=> #handle.operation()),
        None => quote_spanned!(Span::mixed_site()=> __operation),
    };
    if guarded.target.form.is_sync() {
        return quote_spanned!(Span::mixed_site()=> let __span = __resilience::enter_span(#operation); #run);
    }
    let own = body::own_result(guarded);
    quote_spanned!(Span::mixed_site()=> __resilience::in_span::<#own, _>(#operation, async move { #run }).await)
}

/// Invokes the attributes that were taken off the function once more, on nothing: their paths resolve, and their
/// imports are used.
pub(crate) fn uses<'a>(taken: impl Iterator<Item = &'a Path>) -> TokenStream {
    let marker = Ident::new(TAKEN, Span::mixed_site());
    quote_spanned!(Span::mixed_site()=> #(#[#taken(#marker)] const _: () = ();)*)
}

/// A place in the source for an error about what is generated, with the hygiene of what is generated.
fn located_at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

fn import(guarded: &Guarded) -> TokenStream {
    let (name, private) = (Ident::new(RUNTIME, Span::mixed_site()), private(guarded));
    quote_spanned!(Span::mixed_site()=> use #private::{self as #name, DescribeError as _};)
}

/// The module of the runtime that the import is of.
fn private(guarded: &Guarded) -> TokenStream {
    match &guarded.runtime {
        Some(path) => quote_spanned!(Span::mixed_site()=> #path::private),
        None => quote_spanned!(Span::mixed_site()=> ::resilience_runtime::private),
    }
}

/// Declares what lives as long as the program, in a block of its own, so that the body cannot name it.
fn statics(guarded: &Guarded) -> TokenStream {
    let signature = &guarded.function.signature;
    let function = signature.ident.unraw().to_string();
    let mut of = quote_spanned!(Span::mixed_site()=> #function,);
    of.extend(quote_spanned!(signature.ident.span()=> ::core::line!()));
    let private = private(guarded);
    let (operation, policies) = match (&guarded.fallback, &*guarded.layers) {
        (None, [Layer::CircuitBreaker(breaker)]) => (None, site::lone_breaker(breaker, &private, &of)),
        (fallback, layers) => {
            let entries = fallback.iter().map(|_| fallback::entry()).chain(layers.iter().map(site::entry));
            let policies = fallback.iter().map(fallback::place).chain(layers.iter().map(site::policy));
            let operation =
                quote_spanned!(Span::mixed_site()=> #private::operation! { __OPERATION = #of, [#(#entries),*] });
            (Some(operation), policies.collect())
        }
    };
    let waits = unless_empty(site::waits(&guarded.layers));
    // What the rest of the function needs of these statics: variables, and the statics that they lead to.
    let used_by_fallback = guarded.fallback.iter().map(|_| fallback::used());
    let used = used_by_fallback.chain(guarded.layers.iter().map(site::used));
    let (variables, places): (Vec<_>, Vec<_>) = used.unzip();
    match (&*variables, &*places) {
        ([variable], [place]) => {
            quote_spanned!(Span::mixed_site()=> let #variable = { #operation #policies #waits &#place };)
        }
        (variables, places) => quote_spanned! {Span::mixed_site()=>
            let (#(#variables),*) = { #operation #policies #waits (#(&#places),*) };
        },
    }
}

/// Runs the body inside these layers: `let __result: Result<T, Failure<E>> = …;`. `has_permit` says that there is a breaker around, which wants
/// to know of the body's panics.
fn call(guarded: &Guarded, layers: &[Layer], has_permit: bool) -> TokenStream {
    let Some((layer, inner)) = layers.split_first() else {
        return body::run(guarded, None, has_permit);
    };
    match layer {
        Layer::Retry(retry) => retry::around(guarded, retry, call(guarded, inner, has_permit)),
        Layer::CircuitBreaker(breaker) => circuit_breaker::around(guarded, breaker, inner, &call(guarded, inner, true)),
        Layer::Bulkhead(bulkhead) => bulkhead::around(guarded, bulkhead, &call(guarded, inner, has_permit)),
        Layer::RateLimit(limit) => rate_limit::around(guarded, limit, &call(guarded, inner, has_permit)),
        Layer::Timeout(timeout) => {
            let handle = site::handle(layer);
            let timed = match inner.is_empty() {
                true => body::run(guarded, Some(&handle), has_permit),
                false => timeout::around(&handle, &call(guarded, inner, has_permit)),
            };
            let held = stream::with_timeout(guarded, timeout, &handle);
            quote_spanned!(Span::mixed_site()=> #timed #held)
        }
    }
}

/// A hook as it is written, or the runtime's `default`.
fn hook(written: &Option<Expr>, default: &str) -> TokenStream {
    match written {
        Some(hook) => hook.to_token_stream(),
        None => {
            let default = Ident::new(default, Span::mixed_site());
            quote_spanned!(Span::mixed_site()=> __resilience::#default)
        }
    }
}

/// What all layers ask about the function's own results, where `classify` is written.
fn classify(guarded: &Guarded) -> Option<TokenStream> {
    let classify = guarded.classify.as_ref()?;
    let own = body::own_result(guarded);
    let by = Ident::new(if guarded.stream.is_some() { "of_head_by" } else { "by" }, Span::mixed_site());
    Some(quote_spanned!(Span::mixed_site()=> let __classify = __resilience::Returned::<#own>::#by(#classify);))
}

/// Makes the function's own result of `__result`.
fn end(guarded: &Guarded) -> TokenStream {
    let map_rejection = guarded
        .map_rejection
        .as_ref()
        .map(|map| quote_spanned!(Span::mixed_site()=> let __map_rejection = __resilience::map_with(&__result, #map);));
    let map = match map_rejection {
        Some(_) => quote_spanned!(Span::mixed_site()=> __map_rejection),
        None => quote_spanned!(Span::mixed_site()=> __resilience::FromRejection),
    };
    let end = match &guarded.fallback {
        Some(fallback) => fallback::end(guarded, fallback, &map),
        None => finish(guarded, &quote_spanned!(Span::mixed_site()=> __result), &map),
    };
    match &guarded.stream {
        None if map_rejection.is_none() => end,
        None => quote_spanned!(Span::mixed_site()=> #map_rejection #end),
        Some(stream) => {
            let (apart, end) = (stream::apart(guarded), stream::end(guarded, stream, &map, &end));
            quote_spanned! {Span::mixed_site()=>
                #apart
                #map_rejection
                #end
            }
        }
    }
}

/// How the error of `__result` is described. The compiler finds it out by the type, of which nothing is demanded.
fn describe() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> __resilience::error_of(&__result).describe_error())
}

/// The function's own result, made of that of its layers. With the feature `tracing`, the span is told what the error says.
fn finish(guarded: &Guarded, result: &TokenStream, map: &TokenStream) -> TokenStream {
    if cfg!(feature = "tracing") {
        let describe = describe();
        let told = quote_spanned!(Span::mixed_site()=> __resilience::told(#describe, __result));
        let finished = finish_told(guarded, &told, map);
        return quote_spanned!(Span::mixed_site()=> { let __result = #result; #finished });
    }
    finish_told(guarded, result, map)
}

fn finish_told(guarded: &Guarded, result: &TokenStream, map: &TokenStream) -> TokenStream {
    // An error type that does not fit is told at the result: the compiler points at the type or at the path before it.
    let at = located_at(guarded.target.result_span);
    let own = body::own_result(guarded);
    let mut finish = quote_spanned!(at=> __resilience::finish::<#own, _, _, _>);
    finish.extend(quote_spanned!(Span::mixed_site()=> (#result, #map)));
    finish
}
