use std::iter;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Error, Meta, Path, Result, Token,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
    spanned::Spanned,
};

use super::{Arguments, has_word, punct, value};
use crate::error::Errors;

/// An attribute of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Retry,
    CircuitBreaker,
    Bulkhead,
    RateLimit,
    Timeout,
    Fallback,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Retry, Self::CircuitBreaker, Self::Bulkhead, Self::RateLimit, Self::Timeout, Self::Fallback];

    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::CircuitBreaker => "circuit_breaker",
            Self::Bulkhead => "bulkhead",
            Self::RateLimit => "rate_limit",
            Self::Timeout => "timeout",
            Self::Fallback => "fallback",
        }
    }

    /// The one that is written so.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The attribute of ours that `path` names: by its bare name, or through the runtime crate. Another crate's
    /// attribute of the same name is not ours.
    pub(super) fn of(path: &Path, runtime: Option<&Path>) -> Option<Self> {
        let segments = words(path);
        let (name, through) = segments.split_last()?;
        let is_ours = match through {
            [] => path.leading_colon.is_none(),
            [root] if root == "resilience_runtime" => true,
            _ => runtime.is_some_and(|runtime| words(runtime) == through),
        };
        Self::named(name).filter(|_| is_ours)
    }
}

fn words(path: &Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// An attribute of ours, as it stands above a function.
pub(crate) struct Ours {
    pub(crate) kind: Kind,
    pub(crate) arguments: Arguments,
    pub(crate) span: Span,
}

/// What the compiler hands to the topmost attribute, divided and otherwise as it was written: nothing in here can fail.
pub(crate) struct Written {
    topmost: (Kind, TokenStream),
    /// The attributes of ours below the topmost.
    taken: Vec<(Kind, Attribute)>,
    /// The attributes of others.
    pub(crate) kept: Vec<Attribute>,
    /// What the attributes stand above: a function, half a function, or something else.
    pub(crate) function: TokenStream,
    /// Whether an attribute is no attribute yet. The compiler has read them all before; an editor has not.
    pub(crate) is_half_typed: bool,
}

impl Written {
    /// Divides the `item` below an attribute of `kind` with `arguments`.
    pub(crate) fn new(kind: Kind, arguments: TokenStream, item: TokenStream) -> Self {
        let whole = divided(item.clone());
        let is_half_typed = whole.is_err();
        let (attributes, function) = whole.unwrap_or_else(|_| divided_by_tokens(item));
        let mut below = attributes.iter().filter_map(runtime_path_below);
        let runtime = runtime_path(arguments.clone()).or_else(|| below.next());
        let (mut taken, mut kept) = (Vec::new(), Vec::new());
        for attribute in attributes {
            match Kind::of(attribute.path(), runtime.as_ref()) {
                Some(kind) => taken.push((kind, attribute)),
                None => kept.push(attribute),
            }
        }
        Self { topmost: (kind, arguments), taken, kept, function, is_half_typed }
    }

    /// The attributes of ours, the topmost first. One that cannot be read is left out and becomes an error.
    pub(crate) fn ours(&self, errors: &mut Errors) -> Vec<Ours> {
        let (kind, arguments) = &self.topmost;
        let topmost = Ours {
            kind: *kind,
            arguments: Arguments::parse(arguments.clone(), errors),
            // An attribute is not handed the tokens of its own name: its call site is all there is to point at.
            span: Span::call_site(),
        };
        let taken = self.taken.iter().map(|(kind, attribute)| {
            let arguments = arguments_of(*kind, attribute, errors);
            Ours { kind: *kind, arguments, span: attribute.path().span() }
        });
        iter::once(topmost).chain(taken).collect()
    }

    /// The paths of the attributes that were taken off, and with them the only use of their imports. There is none for
    /// `#[fallback = path]`, which the compiler never resolves.
    pub(crate) fn taken_paths(&self) -> impl Iterator<Item = &Path> {
        let resolved = self.taken.iter().filter(|(_, attribute)| !matches!(attribute.meta, Meta::NameValue(_)));
        resolved.map(|(_, attribute)| attribute.path())
    }
}

/// The attributes above an item, and the item.
fn divided(item: TokenStream) -> Result<(Vec<Attribute>, TokenStream)> {
    let (mut attributes, mut tokens) = (TokenStream::new(), item.clone().into_iter().peekable());
    while let Some(hash) = tokens.next_if(|token| punct(token) == '#') {
        attributes.extend(iter::once(hash).chain(tokens.next()));
    }
    match tokens.peek() {
        // Somebody's macro has put it together, and attributes may be in there.
        Some(TokenTree::Group(_)) => {
            let divide = |input: ParseStream<'_>| Ok((input.call(Attribute::parse_outer)?, input.parse()?));
            divide.parse2(item)
        }
        // The item is not read for them.
        _ if attributes.is_empty() => Ok((Vec::new(), item)),
        _ => Ok((Attribute::parse_outer.parse2(attributes)?, tokens.collect())),
    }
}

/// The attributes above an item that can be read, and the item below those that cannot, of which one of ours is left out.
fn divided_by_tokens(item: TokenStream) -> (Vec<Attribute>, TokenStream) {
    let (mut attributes, mut rest) = (Vec::new(), TokenStream::new());
    let mut tokens = item.into_iter().peekable();
    while let Some(hash) = tokens.next_if(|token| punct(token) == '#') {
        let Some(TokenTree::Group(group)) = tokens.next_if(|next| matches!(next, TokenTree::Group(_))) else {
            rest.extend([hash]);
            break;
        };
        let attribute = quote!(#hash #group);
        match Attribute::parse_outer.parse2(attribute.clone()) {
            Ok(read) => attributes.extend(read),
            Err(_) if begins_with_ours(group.stream()) => {}
            Err(_) => rest.extend(attribute),
        }
    }
    rest.extend(tokens);
    (attributes, rest)
}

fn begins_with_ours(attribute: TokenStream) -> bool {
    path_and_rest(attribute).is_some_and(|(path, _)| Kind::of(&path, None).is_some())
}

/// What stands between the brackets of an attribute, divided behind its path.
pub(super) fn path_and_rest(attribute: TokenStream) -> Option<(Path, TokenStream)> {
    let read = |input: ParseStream<'_>| Ok((input.call(Path::parse_mod_style)?, input.parse()?));
    read.parse2(attribute).ok()
}

/// `#[cfg_attr(condition, attribute, …)]` as its condition and its attributes.
pub(crate) fn cfg_attr(meta: &Meta) -> Option<(Meta, Vec<Meta>)> {
    let list = meta.require_list().ok().filter(|list| list.path.is_ident("cfg_attr"))?;
    let read = Punctuated::<Meta, Token![,]>::parse_terminated;
    let mut metas = read.parse2(list.tokens.clone()).ok()?.into_iter();
    Some((metas.next()?, metas.collect()))
}

/// Whether it is one of the compiler's own that leaves the function's tokens alone. Every other may look at them.
pub(crate) fn is_inert(meta: &Meta) -> bool {
    const INERT: [&str; 18] = [
        "allow",
        "cfg",
        "cold",
        "deny",
        "deprecated",
        "diagnostic",
        "doc",
        "expect",
        "forbid",
        "inline",
        "must_use",
        "no_mangle",
        "export_name",
        "link_section",
        "target_feature",
        "track_caller",
        "warn",
        "clippy",
    ];
    match cfg_attr(meta) {
        Some((_, attributes)) => attributes.iter().all(is_inert),
        None => meta.path().segments.first().is_some_and(|first| INERT.iter().any(|name| first.ident == name)),
    }
}

fn arguments_of(kind: Kind, attribute: &Attribute, errors: &mut Errors) -> Arguments {
    match &attribute.meta {
        Meta::Path(_) => Arguments::default(),
        Meta::List(list) => Arguments::parse(list.tokens.clone(), errors),
        Meta::NameValue(pair) if kind == Kind::Fallback => Arguments::of_value(pair.value.clone()),
        Meta::NameValue(pair) => {
            let (name, value) = (kind.name(), pair.value.to_token_stream());
            errors.push(Error::new(
                pair.eq_token.span(),
                format!("write parentheses around the arguments: `#[{name}({value})]`"),
            ));
            // What can stand there without a key is not missing.
            Arguments::of_value(pair.value.clone())
        }
    }
}

/// What `crate = path` says in the arguments of the topmost attribute, wherever they can be read.
fn runtime_path(arguments: TokenStream) -> Option<Path> {
    if !has_word(arguments.clone(), &|word| word == "crate") {
        return None;
    }
    let arguments = Arguments::parse(arguments, &mut Errors::default());
    let argument = arguments.keyed.iter().find(|argument| argument.key == "crate")?;
    value::path(argument).ok()
}

/// What `crate = path` says in the arguments of an attribute that is ours if it is right about that.
fn runtime_path_below(attribute: &Attribute) -> Option<Path> {
    let Meta::List(list) = &attribute.meta else { return None };
    // Only what may be one of ours is read.
    let last = attribute.path().segments.last()?;
    Kind::named(&last.ident.to_string())?;
    let runtime = runtime_path(list.tokens.clone())?;
    Kind::of(attribute.path(), Some(&runtime)).map(|_| runtime)
}

/// What an attribute that was taken off a function is invoked with, so that its path resolves and nothing else happens.
pub(crate) const TAKEN: &str = "__taken";

pub(crate) fn is_taken(arguments: &TokenStream) -> bool {
    let mut tokens = arguments.clone().into_iter();
    matches!((tokens.next(), tokens.next()), (Some(TokenTree::Ident(word)), None) if word == TAKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiler_or_clippy_reads_leaves_the_tokens_alone() {
        let is = |attribute: &str| is_inert(&syn::parse_str(attribute).unwrap());
        for attribute in [
            "inline",
            "doc = \"text\"",
            "cfg(unix)",
            "clippy::has_significant_drop",
            "diagnostic::on_unimplemented(message = \"x\")",
            "cfg_attr(unix, inline, must_use)",
            "cfg_attr(unix, cfg_attr(test, cold))",
        ] {
            assert!(is(attribute), "{attribute}");
        }
        // Its first word says whose it is.
        for attribute in ["instrument", "mine::inline", "cfg_attr(unix, inline, mine)", "cfg_attr(unix, mine::cold)"] {
            assert!(!is(attribute), "{attribute}");
        }
    }

    #[test]
    fn an_attribute_is_ours_by_its_bare_name_or_through_the_runtime() {
        let parsed = |path: &str| syn::parse_str::<Path>(path).unwrap();
        let is_ours = |path: &str, runtime: Option<&str>| {
            Kind::of(&parsed(path), runtime.map(parsed).as_ref()) == Some(Kind::Retry)
        };
        for path in ["retry", "resilience_runtime::retry", "::resilience_runtime::retry"] {
            assert!(is_ours(path, None), "{path}");
        }
        assert!(is_ours("rt::retry", Some("rt")) && is_ours("rt::retry", Some("::rt")));
        // `::retry` is a crate of that name, whatever it is.
        for path in ["::retry", "rt::retry", "resilience_runtime::private::retry", "retry::retry", "retries"] {
            assert!(!is_ours(path, None), "{path}");
        }
    }
}
