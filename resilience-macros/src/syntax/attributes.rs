use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Error, Meta, Path,
    parse::{ParseStream, Parser},
    spanned::Spanned,
};

use super::{Arguments, value};
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
    fn of(path: &Path, runtime: Option<&Path>) -> Option<Self> {
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
}

impl Written {
    /// Divides the `item` below an attribute of `kind` with `arguments`.
    pub(crate) fn new(kind: Kind, arguments: TokenStream, item: TokenStream) -> Self {
        let divide = |input: ParseStream<'_>| Ok((input.call(Attribute::parse_outer)?, input.parse()?));
        // The compiler has read these attributes before. Should it know a form that syn does not, they stay.
        let (attributes, function) = divide.parse2(item.clone()).unwrap_or((Vec::new(), item));
        let mut below = attributes.iter().filter_map(runtime_path_below);
        let runtime = runtime_path(arguments.clone()).or_else(|| below.next());
        let (mut taken, mut kept) = (Vec::new(), Vec::new());
        for attribute in attributes {
            match Kind::of(attribute.path(), runtime.as_ref()) {
                Some(kind) => taken.push((kind, attribute)),
                None => kept.push(attribute),
            }
        }
        Self { topmost: (kind, arguments), taken, kept, function }
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
        std::iter::once(topmost).chain(taken).collect()
    }

    /// The paths of the attributes that were taken off, and with them the only use of their imports. There is none for
    /// `#[fallback = path]`, which the compiler never resolves.
    pub(crate) fn taken_paths(&self) -> impl Iterator<Item = &Path> {
        let resolved = self.taken.iter().filter(|(_, attribute)| !matches!(attribute.meta, Meta::NameValue(_)));
        resolved.map(|(_, attribute)| attribute.path())
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
