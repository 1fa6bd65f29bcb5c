//! How the arguments get to the body, to each of its attempts, and to a fallback as well.
//!
//! The signature calls them by names of our own, which are what the user wrote but for the hygiene, and the body begins by giving
//! them the user's: as an `async fn` does, and so they are dropped in its order. Nothing is shadowed by that, and what is said about a
//! name that is not used, or about a `mut` that is not needed, is said where the user wrote it.
//!
//! An attribute of somebody else's that stands below ours sees the signature, and may name what is in it: above such a function the
//! signature keeps the names, and the body is given them again. `self` cannot be given a name at all: it is what the body captures, and
//! only where it is needed again and the body may move it, has the body another name for it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, FnArg, Pat, PatIdent, Signature, Token, parse::Parser, parse_quote_spanned};

use super::{located_at, unless_empty};
use crate::model::{Argument, Form, Guarded, Layer, Passing};
use crate::syntax::{has_word, inside};

/// Whether the function that returns a future takes the arguments itself, under the names that were written: for what is before the
/// future, or because that captures what it names and nothing else.
fn are_taken_before(guarded: &Guarded) -> bool {
    match &guarded.target.form {
        Form::Future(form) => !form.before.is_empty() || is_left_alone(guarded),
        Form::Async | Form::Sync => false,
    }
}

fn is_left_alone(guarded: &Guarded) -> bool {
    let is_written_so = matches!(&guarded.target.form, Form::Future(form) if !form.is_async_trait);
    is_written_so && !guarded.keeps_arguments()
}

/// Whether the body is given the argument under the user's own name for it, or takes it apart.
fn is_given(guarded: &Guarded, argument: &Argument) -> bool {
    let is_ours = !guarded.has_attributes_of_others() || guarded.keeps_arguments() || argument.is_plain();
    is_ours && !argument.is_receiver() && !is_left_alone(guarded)
}

/// The function's signature: of the same types, with names of our own.
pub(super) fn signature(guarded: &Guarded) -> Signature {
    let mut signature = guarded.function.signature.clone();
    for (input, argument) in signature.inputs.iter_mut().zip(&guarded.target.arguments) {
        match input {
            // Every attempt but the last puts back what it took.
            FnArg::Receiver(receiver) if guarded.has_retry() && argument.passing == Passing::Cloned => {
                receiver.mutability = Some(Token![mut](Span::mixed_site()));
            }
            FnArg::Receiver(_) => {}
            FnArg::Typed(typed) if is_given(guarded, argument) => {
                typed.attrs = argument.cfg.iter().map(cfg).collect();
                let ident = seen_name(guarded, argument).clone();
                let is_in_key = ident == argument.name && is_moved_to_key(guarded, argument);
                let mutability = is_in_key.then(|| Token![mut](Span::mixed_site()));
                let plain = PatIdent { attrs: Vec::new(), by_ref: None, mutability, ident, subpat: None };
                *typed.pat = Pat::Ident(plain);
            }
            FnArg::Typed(_) => {}
        }
    }
    signature
}

/// Whether an argument has a name in the signature that nobody wrote.
pub(super) fn has_names_of_ours(guarded: &Guarded) -> bool {
    let mut given = guarded.target.arguments.iter().filter(|argument| is_given(guarded, argument));
    given.any(|argument| argument.written_name.as_ref() != Some(seen_name(guarded, argument)))
}

/// What the signature calls the argument.
fn seen_name<'g>(guarded: &Guarded, argument: &'g Argument) -> &'g Ident {
    let is_seen = guarded.has_attributes_of_others();
    argument.written_name.as_ref().filter(|_| is_seen).unwrap_or(&argument.name)
}

fn cfg(condition: &TokenStream) -> Attribute {
    parse_quote_spanned!(Span::mixed_site()=> #[cfg(#condition)])
}

/// A statement that is there under these conditions.
fn under(conditions: &[TokenStream], statement: TokenStream) -> TokenStream {
    match conditions {
        [] => statement,
        cfg => quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* { #statement }),
    }
}

/// Gives the arguments the names of our own that the signature could not give them.
pub(super) fn named(guarded: &Guarded) -> TokenStream {
    let seen = guarded.target.arguments.iter().filter(|argument| is_given(guarded, argument) && argument.is_plain());
    let seen = seen.filter(|_| guarded.has_attributes_of_others());
    let named = seen.map(|argument| {
        let (cfg, name, seen) = (&argument.cfg, &argument.name, &argument.written_name);
        let mutability = mutable_for_key(guarded, argument);
        quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #mutability #name = #seen;)
    });
    named.collect()
}

/// Clones for the fallback what the body is about to take.
pub(super) fn kept_for_fallback(guarded: &Guarded) -> TokenStream {
    let cloned = guarded.target.arguments.iter().filter(|argument| argument.passing == Passing::Cloned);
    let kept = cloned.filter(|_| guarded.fallback.is_some()).map(|argument| {
        let (cfg, kept) = (&argument.cfg, kept_name(argument, "fallback"));
        // An argument that is not `Clone` is an error about its type.
        let name = named_at(argument);
        let clone = quote_spanned!(located_at(argument.span)=> __resilience::clone_argument(&#name));
        quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #kept = #clone;)
    });
    kept.collect()
}

/// The argument's name, for an error about its type.
fn named_at(argument: &Argument) -> Ident {
    let mut name = argument.name.clone();
    name.set_span(name.span().located_at(argument.span));
    name
}

/// What an attempt needs of the arguments that are taken by value.
#[derive(Default)]
pub(super) struct Lent {
    /// Before the first one: what keeps them for all.
    pub(super) kept: TokenStream,
    /// Before each, and where the next one begins: what keeps the receiver, which an attempt takes, and puts it back.
    pub(super) receiver: (TokenStream, TokenStream),
    /// Before each: what gives it the others.
    pub(super) given: TokenStream,
}

pub(super) fn lent_to_attempts(guarded: &Guarded) -> Lent {
    let mut lent = Lent::default();
    for argument in guarded.target.arguments.iter().filter(|argument| is_lent(guarded, argument)) {
        let (cfg, name, kept) = (&argument.cfg, &argument.name, kept_name(argument, "attempts"));
        // An argument that is not `Clone` is an error about its type.
        let here = located_at(argument.span);
        if argument.is_receiver() {
            let name = named_at(argument);
            let keep = quote_spanned!(here=> __resilience::keep(&#name, __run.is_last_attempt()));
            let put_back = quote_spanned!(Span::mixed_site()=> #name = __resilience::kept(#kept););
            lent.receiver =
                (quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #kept = #keep;), under(cfg, put_back));
            continue;
        }
        lent.kept.extend(quote_spanned! {Span::mixed_site()=>
            #(#[cfg(#cfg)])* let mut #kept = __resilience::Some(#name);
        });
        let kept_here = Ident::new(&kept.to_string(), here);
        let lend = match argument.passing {
            Passing::Unseen => quote_spanned!(here=> __resilience::lend_unseen),
            _ => quote_spanned!(here=> __resilience::lend),
        };
        let lend = quote_spanned!(here=> #lend(&mut #kept_here, __run.is_last_attempt()));
        let mutability = mutable_for_key(guarded, argument);
        lent.given.extend(quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #mutability #name = #lend;));
    }
    lent
}

fn is_lent(guarded: &Guarded, argument: &Argument) -> bool {
    match argument.passing {
        Passing::Cloned => true,
        Passing::Unseen => guarded.fallback.is_none(),
        Passing::Copied | Passing::Reborrowed => false,
    }
}

/// Has the body capture its receiver, in a line that never runs: the whole of it, although only a part may be named, and by value
/// or by reference as it is passed.
pub(super) fn captured_receiver(guarded: &Guarded) -> TokenStream {
    let receiver = guarded.target.arguments.first().filter(|first| first.is_receiver() && !is_left_alone(guarded));
    let Some(receiver) = receiver else { return TokenStream::new() };
    let (cfg, name) = (&receiver.cfg, &receiver.name);
    match receiver.passing {
        Passing::Reborrowed if guarded.keeps_arguments() => {
            quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let _ = &mut *#name;)
        }
        Passing::Cloned if guarded.keeps_arguments() => {
            quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let __self = #name;)
        }
        _ => quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let _ = &#name;),
    }
}

/// The receiver as the body sees it, where the original is needed again and the body may move it.
pub(super) fn own_self(span: Span) -> Ident {
    Ident::new("__self", located_at(span))
}

/// Reborrows the receiver for such a body.
pub(super) fn reborrowed_receiver(guarded: &Guarded) -> Option<TokenStream> {
    let receiver = guarded.target.arguments.first().filter(|_| guarded.has_own_self())?;
    let FnArg::Receiver(written) = guarded.function.signature.inputs.first()? else { return None };
    let (cfg, name, mutability) = (&receiver.cfg, &receiver.name, &written.mutability);
    let own = own_self(name.span());
    Some(quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #mutability #own = &mut *#name;))
}

/// Gives the arguments to the body, under the names that the user gave them and with the attributes that speak about those.
pub(super) fn given_to_body(guarded: &Guarded) -> TokenStream {
    match are_taken_before(guarded) {
        true => TokenStream::new(),
        false => given(guarded),
    }
}

/// The same for the statements before a future.
pub(super) fn given_before_future(guarded: &Guarded) -> TokenStream {
    given(guarded)
}

fn given(guarded: &Guarded) -> TokenStream {
    let given = guarded.target.arguments.iter().filter(|argument| is_given(guarded, argument)).map(|argument| {
        let Argument { name, pattern, attributes, cfg, .. } = argument;
        let keeps = guarded.keeps_arguments();
        let used = unless_empty(used_by_key(guarded, argument));
        let bound =
            |value: &dyn ToTokens| quote_spanned!(Span::mixed_site()=> #(#attributes)* let #pattern = #value; #used);
        // Of what is taken apart the rest is dropped when all of it would be.
        let whole = || quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #name = #name;);
        match argument.passing {
            // The fallback takes it.
            Passing::Unseen if guarded.fallback.is_some() => TokenStream::new(),
            Passing::Unseen => whole(),
            Passing::Reborrowed if keeps => bound(&quote_spanned!(Span::mixed_site()=> &mut *#name)),
            Passing::Cloned if !argument.is_plain() => {
                let (whole, bound) = (whole(), bound(name));
                quote_spanned!(Span::mixed_site()=> #whole #bound)
            }
            Passing::Cloned | Passing::Copied | Passing::Reborrowed => bound(name),
        }
    });
    given.collect()
}

/// Gives an expression beside the body what it names of the arguments: before it, and what has to come after it. What comes of a
/// pattern are references there.
pub(super) fn looked_into(guarded: &Guarded, expression: &TokenStream) -> (TokenStream, TokenStream) {
    let (mut before, mut after) = (TokenStream::new(), TokenStream::new());
    for argument in &guarded.target.arguments {
        let (cfg, name) = (&argument.cfg, &argument.name);
        if let Some((pattern, names)) = taken_apart_for(guarded, argument, expression) {
            before.extend(quote_spanned! {Span::mixed_site()=>
                #(#[cfg(#cfg)])* let #pattern = &#name;
                #(#[cfg(#cfg)])* let _ = (#(&#names),*);
            });
        }
        let Some(written) = argument.written_name.as_ref().filter(|_| is_named_in(guarded, argument, expression))
        else {
            continue;
        };
        let value = match argument.passing {
            Passing::Reborrowed => quote_spanned!(Span::mixed_site()=> &mut *#name),
            _ => name.to_token_stream(),
        };
        before.extend(quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #written = #value;));
        if argument.passing == Passing::Cloned {
            after.extend(under(cfg, quote_spanned!(Span::mixed_site()=> #name = #written;)));
        }
    }
    (before, after)
}

/// The pattern of an argument of which the expression names something, and the names in it.
fn taken_apart_for(
    guarded: &Guarded,
    argument: &Argument,
    expression: &TokenStream,
) -> Option<(TokenStream, Vec<Ident>)> {
    let is_taken_apart_later = is_given(guarded, argument) && !argument.is_plain() && !are_taken_before(guarded);
    let pattern = argument.pattern.as_ref().filter(|_| is_taken_apart_later).map(ToTokens::to_token_stream);
    let pattern = pattern.or_else(|| argument.moved_pattern.clone())?;
    if !names_one_of(expression.clone(), &pattern) {
        return None;
    }
    let pattern = without_modes(pattern);
    let mut names = Vec::new();
    // One that cannot be read names nothing here, and is an error where the compiler reads it.
    if let Ok(read) = Pat::parse_single.parse2(pattern.clone()) {
        names_in(&read, &mut names);
    }
    Some((pattern, names))
}

/// Whether the expression names an argument that has another name where the expression stands.
fn is_named_in(guarded: &Guarded, argument: &Argument, expression: &TokenStream) -> bool {
    let Some(written) = argument.written_name.as_ref().filter(|_| argument.is_plain()) else { return false };
    !are_taken_before(guarded) && names_one_of(expression.clone(), &written.to_token_stream())
}

/// The expressions beside the body that may name arguments.
fn keys(guarded: &Guarded) -> impl Iterator<Item = TokenStream> {
    guarded.layers.iter().flat_map(Layer::of_arguments).map(ToTokens::to_token_stream)
}

/// Whether the argument is moved to the key or the cost of a policy and back.
fn is_moved_to_key(guarded: &Guarded, argument: &Argument) -> bool {
    argument.passing == Passing::Cloned && keys(guarded).any(|key| is_named_in(guarded, argument, &key))
}

/// What a key names of an argument, which is used by that although the body may not use it.
fn used_by_key(guarded: &Guarded, argument: &Argument) -> TokenStream {
    let mut names = Vec::new();
    for key in keys(guarded) {
        names.extend(argument.written_name.clone().filter(|_| is_named_in(guarded, argument, &key)));
        if let Some((_, in_pattern)) = taken_apart_for(guarded, argument, &key).filter(|_| !argument.is_plain()) {
            names.extend(in_pattern.into_iter().filter(|name| names_one_of(key.clone(), &name.to_token_stream())));
        }
    }
    let cfg = &argument.cfg;
    let used = names.iter().map(|name| quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let _ = &#name;));
    used.collect()
}

fn mutable_for_key(guarded: &Guarded, argument: &Argument) -> Option<Token![mut]> {
    is_moved_to_key(guarded, argument).then(|| Token![mut](Span::mixed_site()))
}

/// The names that a pattern gives, and perhaps those of constants in it.
fn names_in(pattern: &Pat, names: &mut Vec<Ident>) {
    match pattern {
        Pat::Ident(name) => {
            names.push(name.ident.clone());
            name.subpat.iter().for_each(|(_, pattern)| names_in(pattern, names));
        }
        // Each of its cases gives the same.
        Pat::Or(or) => or.cases.iter().take(1).for_each(|pattern| names_in(pattern, names)),
        Pat::Paren(paren) => names_in(&paren.pat, names),
        Pat::Reference(reference) => names_in(&reference.pat, names),
        Pat::Slice(slice) => slice.elems.iter().for_each(|pattern| names_in(pattern, names)),
        Pat::Struct(fields) => fields.fields.iter().for_each(|field| names_in(&field.pat, names)),
        Pat::Tuple(tuple) => tuple.elems.iter().for_each(|pattern| names_in(pattern, names)),
        Pat::TupleStruct(tuple) => tuple.elems.iter().for_each(|pattern| names_in(pattern, names)),
        _ => {}
    }
}

/// Whether a word of the expression is one of the pattern's.
fn names_one_of(expression: TokenStream, pattern: &TokenStream) -> bool {
    expression.into_iter().any(|token| match token {
        TokenTree::Ident(word) => has_word(pattern.clone(), &|other| *other == word),
        TokenTree::Group(group) => names_one_of(group.stream(), pattern),
        // Of a format string.
        TokenTree::Literal(text) => {
            let text = text.to_string();
            has_word(pattern.clone(), &|word| text.contains(&format!("{{{word}")))
        }
        TokenTree::Punct(_) => false,
    })
}

/// A pattern without `mut` and `ref`, which cannot be written where what it is matched with is a reference.
fn without_modes(pattern: TokenStream) -> TokenStream {
    let tokens =
        pattern.into_iter().filter(|token| !matches!(token, TokenTree::Ident(word) if word == "mut" || word == "ref"));
    let tokens = tokens.map(|token| match token {
        TokenTree::Group(group) => inside(&group, without_modes),
        token => token,
    });
    tokens.collect()
}

/// The arguments for one call of the fallback.
pub(super) struct ForFallback {
    /// `#[cfg(…)]`, or nothing where the signature has no conditions.
    pub(super) cfg: TokenStream,
    pub(super) values: Vec<TokenStream>,
}

/// What the fallback is called with. An element of a tuple cannot have a `#[cfg]`, so each selection of arguments that
/// the signature's conditions may leave is a tuple of its own. Only the last level takes what there is.
pub(super) fn for_fallback(guarded: &Guarded, is_last: bool) -> Vec<ForFallback> {
    let mut selections = vec![(Vec::new(), Vec::new())];
    for argument in &guarded.target.arguments {
        let mut next = Vec::new();
        for (conditions, values) in selections {
            if !argument.cfg.is_empty() {
                let cfg = all(&argument.cfg);
                let without = quote_spanned!(Span::mixed_site()=> not(#cfg));
                next.push((with(&conditions, [without]), values.clone()));
            }
            next.push((with(&conditions, argument.cfg.iter().cloned()), with(&values, [value(argument, is_last)])));
        }
        selections = next;
    }
    let selections = selections.into_iter().map(|(conditions, values)| {
        let cfg = if conditions.is_empty() {
            TokenStream::new()
        } else {
            let cfg = all(&conditions);
            quote_spanned!(Span::mixed_site()=> #[cfg(#cfg)])
        };
        ForFallback { cfg, values }
    });
    selections.collect()
}

/// The condition of a `#[cfg]` in which all of these hold.
fn all(conditions: &[TokenStream]) -> TokenStream {
    match conditions {
        [only] => only.clone(),
        conditions => quote_spanned!(Span::mixed_site()=> all(#(#conditions),*)),
    }
}

fn with(tokens: &[TokenStream], more: impl IntoIterator<Item = TokenStream>) -> Vec<TokenStream> {
    tokens.iter().cloned().chain(more).collect()
}

/// The argument, for a level of the fallback.
fn value(argument: &Argument, is_last: bool) -> TokenStream {
    let name = &argument.name;
    match argument.passing {
        Passing::Cloned if is_last => kept_name(argument, "fallback").into_token_stream(),
        Passing::Cloned => {
            let kept = kept_name(argument, "fallback");
            quote_spanned!(Span::mixed_site()=> __resilience::clone_argument(&#kept))
        }
        Passing::Reborrowed if !is_last => quote_spanned!(Span::mixed_site()=> &mut *#name),
        Passing::Copied | Passing::Reborrowed | Passing::Unseen => name.to_token_stream(),
    }
}

fn kept_name(argument: &Argument, for_what: &str) -> Ident {
    let name = argument.name.to_string();
    let name = name.trim_start_matches("__");
    Ident::new(&format!("__{name}_for_{for_what}"), Span::mixed_site())
}
