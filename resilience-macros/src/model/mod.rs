//! What an annotated function means: its stack of policies, and every reason to refuse it.

mod borrows;
mod bulkhead;
mod circuit_breaker;
mod fallback;
mod form;
mod order;
mod rate_limit;
mod retry;
mod settings;
mod stream;
mod target;
mod timeout;
mod waits;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use resilience_config::Configurable;
use syn::{Error, Expr, FnArg, GenericParam, LitStr, Pat, Path, Signature};

use crate::{
    error::Errors,
    syntax::{self, Annotated, Arguments, Function, Key, Kind, Ours, Rows, Table},
};

pub(crate) use bulkhead::Bulkhead;
pub(crate) use circuit_breaker::CircuitBreaker;
pub(crate) use fallback::{Answer, ErrorParameter, Fallback, Only, error_parameter};
pub(crate) use form::{Form, FutureForm};
pub(crate) use rate_limit::RateLimit;
pub(crate) use retry::Retry;
pub(crate) use settings::{Setting, Settings};
pub(crate) use stream::Stream;
pub(crate) use target::{Argument, Passing, Target};
pub(crate) use timeout::Timeout;
pub(crate) use waits::timeouts_above;

/// A function that can be guarded, and what guards it.
pub(crate) struct Guarded {
    pub(crate) function: Function,
    pub(crate) target: Target,
    /// The outermost first.
    pub(crate) layers: Vec<Layer>,
    /// It answers for all layers, wherever it stands among them.
    pub(crate) fallback: Option<Fallback>,
    /// What makes an error of a rejection, where `From<Rejection>` does not.
    pub(crate) map_rejection: Option<Expr>,
    /// What says which of its results are failures, where not every `Err` is one and nothing else.
    pub(crate) classify: Option<Expr>,
    /// Where the call lasts until the stream has ended that the function returns.
    pub(crate) stream: Option<Stream>,
    /// The runtime crate.
    pub(crate) runtime: Option<Path>,
}

/// A policy around a function.
#[expect(clippy::large_enum_variant, reason = "a handful of them lives while one function is expanded")]
pub(crate) enum Layer {
    Retry(Retry),
    CircuitBreaker(CircuitBreaker),
    Bulkhead(Bulkhead),
    RateLimit(RateLimit),
    Timeout(Timeout),
}

impl Guarded {
    /// Whether the body is called again with the same arguments.
    pub(crate) fn has_retry(&self) -> bool {
        has_retry(&self.layers)
    }

    /// Whether the body has a reborrow in the place of its `&mut self`, under a name of its own: where the receiver is needed again and
    /// the body may move it.
    pub(crate) fn has_own_self(&self) -> bool {
        self.target.has_own_self(self.keeps_arguments(), &self.function.body.statements)
    }

    /// Whether an attribute of somebody else's stands below ours, which sees what is made of the function.
    pub(crate) fn has_attributes_of_others(&self) -> bool {
        self.function.attributes.iter().any(|attribute| !syntax::is_inert(&attribute.meta))
    }

    /// Whether the arguments are needed again after a call of the body.
    pub(crate) fn keeps_arguments(&self) -> bool {
        self.fallback.is_some() || self.has_retry()
    }
}

impl Layer {
    fn check(&self, signature: &Signature, errors: &mut Errors) {
        match self {
            Self::Retry(retry) => retry.check(signature, errors),
            Self::CircuitBreaker(breaker) => breaker.check(signature, errors),
            Self::Bulkhead(bulkhead) => bulkhead.check(signature, errors),
            Self::RateLimit(limit) => limit.check(signature, errors),
            Self::Timeout(timeout) => timeout.check(signature, errors),
        }
    }

    /// What it takes that may name arguments of the function: its key and its cost.
    pub(crate) fn of_arguments(&self) -> impl Iterator<Item = &Expr> {
        let of_arguments = match self {
            Self::CircuitBreaker(breaker) => [breaker.key.as_ref(), None],
            Self::Bulkhead(bulkhead) => [bulkhead.key.as_ref(), None],
            Self::RateLimit(limit) => [limit.key.as_ref(), limit.cost.as_ref()],
            Self::Retry(_) | Self::Timeout(_) => [None, None],
        };
        of_arguments.into_iter().flatten()
    }
}

fn has_retry(layers: &[Layer]) -> bool {
    layers.iter().any(|layer| matches!(layer, Layer::Retry(_)))
}

/// What the attributes of a function say together.
#[derive(Default)]
struct Stack {
    layers: Vec<Layer>,
    fallback: Option<Fallback>,
    map_rejection: Option<Expr>,
    classify: Option<Expr>,
    stream: Option<Expr>,
    classify_item: Option<Expr>,
    runtime: Option<Path>,
}

/// Reads the attributes' keys and checks everything that can be checked before the compiler does.
pub(crate) fn check(annotated: Annotated, errors: &mut Errors) -> Option<Guarded> {
    let mut stack = Stack::default();
    order::check(&annotated.ours, errors);
    for ours in &annotated.ours {
        stack.read(ours, errors);
    }
    let mut function = annotated.function?;
    if function.body.is_guarded() {
        let ours = &annotated.ours[0];
        let name = ours.kind.name();
        let message = format!(
            "this attribute is below another policy and cannot be recognised by this name or path; use its own name, `#[{name}]`, or add \
            `crate = path` if the runtime crate is renamed"
        );
        errors.push(Error::new(ours.span, message));
        return None;
    }
    for layer in &stack.layers {
        layer.check(&function.signature, errors);
    }
    waits::check(&stack.layers, errors);
    let (form, output) = Form::take(&mut function, errors)?;
    form.check(&function, &annotated.ours, &stack, errors);
    let stream = Stream::check(&mut stack, &form, &output, errors);
    let has_retry = has_retry(&stack.layers);
    let mut target = Target::check(&function.signature, &output, form, stack.fallback.is_some(), has_retry, errors)?;
    target.find_moved_patterns(function.body.statements.clone());
    if let Some(fallback) = &stack.fallback {
        fallback.check(&target, errors);
    }
    let keeps_arguments = stack.fallback.is_some() || has_retry;
    if target.has_own_self(keeps_arguments, &function.body.statements) {
        for span in syntax::unseen_captures(function.body.statements.clone()) {
            let message = "`{self}` in the string of this macro cannot be seen to be the method's `self`, which this body moves: write `{}`, and \
                `self` as an argument";
            errors.push(Error::new(span, message));
        }
    }
    let Stack { layers, fallback, map_rejection, classify, runtime, .. } = stack;
    Some(Guarded { function, target, layers, fallback, map_rejection, classify, stream, runtime })
}

impl Stack {
    fn read(&mut self, ours: &Ours, errors: &mut Errors) {
        let mut common = Common::default();
        let layer = match ours.kind {
            Kind::Retry => Some(Layer::Retry(Retry::read(ours, &mut common, errors))),
            Kind::CircuitBreaker => Some(Layer::CircuitBreaker(CircuitBreaker::read(ours, &mut common, errors))),
            Kind::Bulkhead => Some(Layer::Bulkhead(Bulkhead::read(ours, &mut common, errors))),
            Kind::RateLimit => Some(Layer::RateLimit(RateLimit::read(ours, &mut common, errors))),
            Kind::Timeout => Some(Layer::Timeout(Timeout::read(ours, has_retry(&self.layers), &mut common, errors))),
            Kind::Fallback => {
                self.fallback = Fallback::read(ours, &mut common, errors);
                None
            }
        };
        self.layers.extend(layer);
        for (key, hook, kept) in [
            ("map_rejection", common.map_rejection, &mut self.map_rejection),
            ("classify", common.classify, &mut self.classify),
            ("stream", common.stream, &mut self.stream),
            ("classify_item", common.classify_item, &mut self.classify_item),
        ] {
            let Some(hook) = hook else { continue };
            if kept.is_some() {
                let message =
                    format!("duplicate `{key}`: another attribute of this function has one; remove one of them");
                errors.push(Error::new_spanned(&hook, message));
            }
            *kept = Some(hook);
        }
        if let Some(runtime) = common.runtime {
            let text = |path: &Path| path.to_token_stream().to_string();
            if self.runtime.as_ref().is_some_and(|other| text(other) != text(&runtime)) {
                let message = "conflicting `crate`: another attribute of this function names a different one";
                errors.push(Error::new_spanned(&runtime, message));
            }
            self.runtime = Some(runtime);
        }
    }
}

/// The keys that every attribute has.
#[derive(Default)]
struct Common {
    name: Option<LitStr>,
    map_rejection: Option<Expr>,
    classify: Option<Expr>,
    /// Where it is `true`.
    stream: Option<Expr>,
    classify_item: Option<Expr>,
    runtime: Option<Path>,
}

const COMMON_KEYS: &[Key<Common>] = &[
    Key::new("name", |it, value| syntax::name(&value.value).map(|name| it.name = Some(name))),
    Key::new("map_rejection", |it, value| {
        syntax::hook(value, "|rejection| MyError::from(rejection)").map(|hook| it.map_rejection = Some(hook))
    }),
    Key::new("classify", |it, value| syntax::classifier(value).map(|hook| it.classify = Some(hook))),
    Key::new("stream", |it, value| syntax::switch(value).map(|is_on| it.stream = is_on.then(|| value.value.clone()))),
    Key::new("classify_item", |it, value| {
        syntax::hook(value, "|item| match item { Ok(_) => Verdict::SUCCESS, Err(_) => Verdict::FAILURE }")
            .map(|hook| it.classify_item = Some(hook))
    }),
    Key::new("crate", |it, value| syntax::path(value).map(|path| it.runtime = Some(path))),
];

impl Common {
    /// Reads an attribute's keys into its `tables`, the rest into `self`. The keys that the tables have.
    fn read(&mut self, ours: &Ours, tables: &mut [&mut dyn Table], errors: &mut Errors) -> Vec<&'static str> {
        self.read_arguments(&ours.arguments, ours, tables, errors);
        tables.iter().flat_map(|table| table.names()).collect()
    }

    /// As [`read`](Self::read), for an attribute whose value without a key is short for the one of `key`. Whether all keys are
    /// known: one that is not may have been meant for the one that is missing.
    fn read_with(&mut self, key: &str, ours: &Ours, tables: &mut [&mut dyn Table], errors: &mut Errors) -> bool {
        let arguments = ours.arguments.with_keys(ours.kind.name(), key, errors);
        self.read_arguments(&arguments, ours, tables, errors)
    }

    fn read_arguments(
        &mut self,
        arguments: &Arguments,
        ours: &Ours,
        tables: &mut [&mut dyn Table],
        errors: &mut Errors,
    ) -> bool {
        let mut common = Rows { table: COMMON_KEYS, into: self };
        let mut all: Vec<&mut dyn Table> = Vec::new();
        for table in tables {
            all.push(&mut **table);
        }
        all.push(&mut common);
        arguments.read(&mut all, ours.kind.name(), errors)
    }
}

/// Reports what is wrong with the key whose values have an instance each, and with a bound for such where there is none.
fn check_key<Config: Configurable>(key: Option<&Expr>, settings: &Settings<Config>, errors: &mut Errors) {
    match (key, settings.key(&["max_keys"])) {
        (None, Some(max_keys)) => {
            errors.push(Error::new(max_keys.span(), "`max_keys` requires `key`, such as `key = order.warehouse`"));
        }
        (Some(Expr::Tuple(tuple)), _) if !(2..=MOST_PARTS).contains(&tuple.elems.len()) => {
            let message = format!(
                "a tuple as `key` has 2 to {MOST_PARTS} parts, such as `key = (order.tenant, order.warehouse)`; a single value stands alone"
            );
            errors.push(Error::new_spanned(tuple, message));
        }
        _ => {}
    }
}

/// The most parts of a key.
const MOST_PARTS: usize = 8;

/// Reports what is not known yet in an expression that ends up in a static, which all instances and all calls of the function
/// share: `Self`, its generic parameters, its arguments.
fn check_constant(expression: &Expr, signature: &Signature, errors: &mut Errors) {
    let parameters = signature.generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(parameter.ident.to_string()),
        GenericParam::Const(parameter) => Some(parameter.ident.to_string()),
        GenericParam::Lifetime(_) => None,
    });
    let forbidden: Vec<String> = parameters.chain(["Self".to_owned()]).collect();
    for (word, _) in words_among(expression.to_token_stream(), &forbidden) {
        let message =
            format!("`{word}` is not allowed here: the value is evaluated once for all instances; use a constant");
        errors.push(Error::new(word.span(), message));
    }
    let own = match expression {
        Expr::Closure(closure) => closure.inputs.to_token_stream(),
        _ => TokenStream::new(),
    };
    let arguments: Vec<String> = signature.inputs.iter().filter_map(name_of).collect();
    for (word, next) in words_among(expression.to_token_stream(), &arguments) {
        // A path to a module or to a function, a macro, and what the closure calls its own parameter is something else.
        let is_argument = !matches!(next, ':' | '(' | '!') && words_among(own.clone(), &[word.to_string()]).is_empty();
        if is_argument {
            let message = format!(
                "the argument `{word}` is not allowed here: the value is evaluated once, before the first call; use a constant"
            );
            errors.push(Error::new(word.span(), message));
        }
    }
}

/// The name of an argument that has one.
fn name_of(argument: &FnArg) -> Option<String> {
    match argument {
        FnArg::Receiver(_) => Some("self".to_owned()),
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(plain) => Some(plain.ident.to_string()),
            _ => None,
        },
    }
}

/// The identifiers among `tokens` that are one of `words`, and neither a field's name nor a later part of a path; with each the
/// punctuation that follows it, or `(` before such a group.
fn words_among(tokens: TokenStream, words: &[String]) -> Vec<(Ident, char)> {
    let mut found = Vec::new();
    let mut before = [' '; 2];
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Ident(ident)
                if before[1] != '.' && before != [':', ':'] && words.iter().any(|word| ident == word) =>
            {
                let next = tokens.peek().map_or(' ', |next| match next {
                    TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => '(',
                    next => syntax::punct(next),
                });
                found.push((ident.clone(), next));
            }
            TokenTree::Group(group) => found.extend(words_among(group.stream(), words)),
            _ => {}
        }
        before = [before[1], syntax::punct(&token)];
    }
    found
}
