use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use resilience_config::{names, unknown_key};
use syn::{
    Error, Expr, ExprLit, Ident, Lit, LitStr, Result, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    spanned::Spanned,
    token::Paren,
};

use super::{
    Kind,
    value::{bare_word, unwrapped},
};
use crate::error::Errors;

/// The list between an attribute's parentheses: values, then `key = value`s.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) values: Vec<Expr>,
    pub(crate) keyed: Vec<KeyValue>,
}

/// `key = value`.
#[derive(Clone)]
pub(crate) struct KeyValue {
    pub(crate) key: Ident,
    /// Nothing, where what was written cannot be read and has been reported.
    pub(crate) value: Expr,
    /// Whether the key is left out, for which the value stands first.
    has_no_key: bool,
}

/// What reads the keys of an attribute, or some of them.
pub(crate) trait Table {
    /// The keys.
    fn names(&self) -> Vec<&'static str>;

    /// Reads the argument of one of them.
    fn read(&mut self, argument: &KeyValue) -> Result<()>;
}

/// Some keys and what they are read into.
pub(crate) struct Rows<'a, P: 'static> {
    pub(crate) table: &'static [Key<P>],
    pub(crate) into: &'a mut P,
}

impl<P> Table for Rows<'_, P> {
    fn names(&self) -> Vec<&'static str> {
        self.table.iter().map(|row| row.name).collect()
    }

    fn read(&mut self, argument: &KeyValue) -> Result<()> {
        let row = self.table.iter().find(|row| argument.key.unraw() == row.name).expect("it is one of the names");
        (row.read)(self.into, argument)
    }
}

/// A key that is no part of a policy's configuration, and what its value does.
pub(crate) struct Key<P> {
    name: &'static str,
    read: fn(&mut P, &KeyValue) -> Result<()>,
}

impl<P> Key<P> {
    pub(crate) const fn new(name: &'static str, read: fn(&mut P, &KeyValue) -> Result<()>) -> Self {
        Self { name, read }
    }
}

impl KeyValue {
    /// An error on the value.
    pub(crate) fn error(&self, message: impl std::fmt::Display) -> Error {
        match named(&self.value).filter(|_| self.has_no_key) {
            Some(name) => {
                Error::new_spanned(&self.value, format!("{message}; if {name} is a name, write `name = {name}`"))
            }
            None => Error::new_spanned(&self.value, message),
        }
    }

    /// The same key with another value.
    pub(crate) fn with(&self, value: Expr) -> Self {
        Self { key: self.key.clone(), value, has_no_key: self.has_no_key }
    }

    /// Whether the value could not be read.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(&self.value, Expr::Verbatim(tokens) if tokens.is_empty())
    }
}

/// An error on a `value` without a key that is one of the `keys`, alone or as in `key(value)`.
pub(crate) fn lone_key(value: &Expr, keys: &[&str]) -> Option<Error> {
    let word = match unwrapped(value) {
        Expr::Call(call) => bare_word(&call.func)?,
        value => bare_word(value)?,
    };
    keys.contains(&&*word).then(|| Error::new_spanned(value, wants_a_value(&word)))
}

fn wants_a_value(key: &str) -> String {
    format!("missing value for `{key}`; write `{key} = ...`")
}

/// A string that may be meant as a name, with its quotes.
fn named(value: &Expr) -> Option<String> {
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = unwrapped(value) else { return None };
    let name = text.value();
    let is_name = name.starts_with(char::is_alphabetic) && names::check(&name).is_ok();
    is_name.then(|| format!("{name:?}"))
}

impl Arguments {
    /// Reads a list. What cannot be read is left out of it and becomes an error.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut list = Self::default();
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = list.parse_one(input, errors) {
                    errors.push(error);
                    skip_to_comma(input);
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        let read = read.parse2(tokens);
        errors.keep(read);
        list
    }

    /// The list of the one value in `#[attribute = value]`.
    pub(crate) fn of_value(value: Expr) -> Self {
        Self { values: vec![value], keyed: Vec::new() }
    }

    /// The arguments with their keys, for an attribute whose value without one is short for `key = value`.
    pub(crate) fn with_keys(&self, attribute: &str, key: &str, errors: &mut Errors) -> Self {
        let mut values = self.values.iter();
        let first = values.next().map(|value| KeyValue {
            key: Ident::new(key, value.span()),
            value: value.clone(),
            has_no_key: true,
        });
        for value in values {
            let message = format!("`{attribute}` takes only one value without a key, its `{key}`");
            let extra = KeyValue { key: Ident::new(key, value.span()), value: value.clone(), has_no_key: true };
            errors.push(extra.error(message));
        }
        Self { values: Vec::new(), keyed: first.into_iter().chain(self.keyed.iter().cloned()).collect() }
    }

    fn parse_one(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> Result<()> {
        if let Some((key, message)) = dashed_key(input).or_else(|| quoted_key(input)) {
            // It is there all the same, as one whose value is missing.
            self.keyed.push(KeyValue { key, value: Expr::Verbatim(TokenStream::new()), has_no_key: false });
            Err(message)
        } else if has_key(input) {
            let key = input.call(Ident::parse_any)?;
            if input.peek(Token![:]) {
                errors.push(input.error("expected `=` between a key and its value"));
                input.parse::<Token![:]>()?;
            } else {
                input.parse::<Token![=]>()?;
            }
            let value = if at_end(input) {
                Err(Error::new(key.span(), format!("missing value for `{key}` after the `=`")))
            } else {
                parse_value(input)
            };
            // A key without a value is there all the same: nobody shall be told that it is missing.
            let (value, error) = match value {
                Ok(value) => (value, Ok(())),
                Err(error) => (Expr::Verbatim(TokenStream::new()), Err(error)),
            };
            self.keyed.push(KeyValue { key, value, has_no_key: false });
            error
        } else if let Some(first) = self.keyed.first() {
            if let Some(word) = lone_word(input) {
                return Err(Error::new(word.span(), wants_a_value(&word.to_string())));
            }
            let message = format!("expected `key = value`; a value without a key must come before `{}`", first.key);
            Err(input.error(message))
        } else {
            let value = parse_value(input)?;
            self.values.push(value);
            Ok(())
        }
    }

    /// Hands each key to the first of the tables that has it. Whether each has one.
    pub(crate) fn read(&self, tables: &mut [&mut dyn Table], attribute: &str, errors: &mut Errors) -> bool {
        let mut are_known = true;
        for (position, argument) in self.keyed.iter().enumerate() {
            let key = argument.key.unraw().to_string();
            let read = if let Some(earlier) = self.keyed[..position].iter().find(|earlier| earlier.key.unraw() == key) {
                let message = match earlier.has_no_key {
                    true => {
                        format!(
                            "duplicate key `{key}`: the value without a key is already the `{key}` of `{attribute}`"
                        )
                    }
                    false => format!("duplicate key `{key}`; remove one of them"),
                };
                Err(Error::new(argument.key.span(), message))
            } else if let Some(table) = tables.iter_mut().find(|table| table.names().contains(&&*key)) {
                let lone_key = lone_key(&argument.value, &table.names()).filter(|_| argument.has_no_key);
                lone_key.map_or_else(|| table.read(argument), Err)
            } else {
                let names: Vec<&str> = tables.iter().flat_map(|table| table.names()).collect();
                errors.push(unknown(&argument.key, attribute, &names));
                are_known = false;
                continue;
            };
            match read {
                // What cannot be read has been reported.
                Err(_) if argument.is_missing() => {}
                read => {
                    errors.keep(read);
                }
            }
        }
        are_known
    }
}

fn unknown(key: &Ident, attribute: &str, known: &[&str]) -> Error {
    let message = match Kind::named(&key.to_string()) {
        Some(kind) => {
            let name = kind.name();
            format!("unknown key `{name}` for `{attribute}`; `{name}` is a separate attribute: write `#[{name}(...)]`")
        }
        None => unknown_key(attribute, &key.to_string(), known),
    };
    Error::new(key.span(), message)
}

/// `failure-rate =` as `failure_rate`, and what is wrong with it.
fn dashed_key(input: ParseStream<'_>) -> Option<(Ident, Error)> {
    let ahead = input.fork();
    let first = ahead.call(Ident::parse_any).ok()?;
    let (mut key, mut tokens) = (first.to_string(), first.to_token_stream());
    while ahead.peek(Token![-]) {
        let dash: Token![-] = ahead.parse().ok()?;
        let word = ahead.call(Ident::parse_any).ok()?;
        key = format!("{key}_{word}");
        tokens.extend(quote!(#dash #word));
    }
    let is_dashed = first != key && ahead.peek(Token![=]) && !ahead.peek(Token![==]);
    is_dashed.then(|| {
        let message = format!("keys are written with underscores; write `{key} = ...`");
        (Ident::new(&key, first.span()), Error::new_spanned(tokens, message))
    })
}

/// `"failure_rate" =` as `failure_rate`, and what is wrong with it.
fn quoted_key(input: ParseStream<'_>) -> Option<(Ident, Error)> {
    let ahead = input.fork();
    let quoted: LitStr = ahead.parse().ok()?;
    let key = quoted.parse_with(Ident::parse_any).ok()?;
    let is_key = ahead.peek(Token![=]) && !ahead.peek(Token![==]);
    is_key.then(|| {
        let message = format!("keys are written without quotes; write `{key} = ...`");
        (key, Error::new(quoted.span(), message))
    })
}

/// `key =`, or `key:`, which somebody meant.
fn has_key(input: ParseStream<'_>) -> bool {
    let is_key = input.peek(Ident::peek_any);
    let is_equal = input.peek2(Token![=]) && !input.peek2(Token![==]) && !input.peek2(Token![=>]);
    let is_colon = input.peek2(Token![:]) && !input.peek2(Token![::]);
    is_key && (is_equal || is_colon)
}

fn parse_value(input: ParseStream<'_>) -> Result<Expr> {
    if let Some((number, percent)) = percentage(input) {
        let message = format!("percentages are written without `%`; write `{}`", number.to_token_stream());
        return Err(Error::new_spanned(quote!(#number #percent), message));
    }
    let whole = input.fork();
    let value = input.parse().map_err(|error: Error| {
        // The end of a list has no place of its own, and the whole attribute would be marked.
        match input.is_empty() && error.to_string().starts_with("unexpected end of input") {
            true => Error::new_spanned(whole.parse::<TokenStream>().unwrap_or_default(), "unexpected end of value"),
            false => error,
        }
    })?;
    if at_end(input) { Ok(value) } else { Err(input.error("expected `,` between two arguments")) }
}

/// `50%`
fn percentage(input: ParseStream<'_>) -> Option<(Lit, Token![%])> {
    let ahead = input.fork();
    let (number, percent) = (ahead.parse().ok()?, ahead.parse().ok()?);
    at_end(&ahead).then_some((number, percent))
}

/// A word with nothing behind it up to the comma, or with parentheses.
fn lone_word(input: ParseStream<'_>) -> Option<Ident> {
    let ahead = input.fork();
    let word = ahead.parse().ok()?;
    if ahead.peek(Paren) {
        ahead.parse::<TokenTree>().ok()?;
    }
    at_end(&ahead).then_some(word)
}

fn at_end(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !at_end(input) {
        // There is a token, so that reading one cannot fail.
        let _ = input.parse::<TokenTree>();
    }
}
