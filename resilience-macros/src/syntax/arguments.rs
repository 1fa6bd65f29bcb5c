use proc_macro2::{TokenStream, TokenTree};
use resilience_config::unknown_key;
use syn::{
    Error, Expr, Ident, Result, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    spanned::Spanned,
};

use crate::error::Errors;

/// The list between an attribute's parentheses: values, then `key = value`s.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) values: Vec<Expr>,
    pub(crate) keyed: Vec<Argument>,
}

/// `key = value`.
#[derive(Clone)]
pub(crate) struct Argument {
    pub(crate) key: Ident,
    pub(crate) value: Expr,
}

/// A row of a policy's key table: a key, and what its value does to the policy.
pub(crate) struct Key<P> {
    name: &'static str,
    read: fn(&mut P, &Argument) -> Result<()>,
}

impl<P> Key<P> {
    pub(crate) const fn new(name: &'static str, read: fn(&mut P, &Argument) -> Result<()>) -> Self {
        Self { name, read }
    }
}

impl Argument {
    /// An error on the value.
    pub(crate) fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::new_spanned(&self.value, message)
    }
}

impl Arguments {
    /// Reads a list. What cannot be read is left out of it and becomes an error.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut list = Self::default();
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = list.parse_one(input) {
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

    /// The arguments with their keys, for an attribute whose value without one is short for `key = value`; where `key` is
    /// `None`, it takes no such value.
    pub(crate) fn with_keys(&self, attribute: &str, key: Option<&str>, errors: &mut Errors) -> Self {
        let mut values = self.values.iter();
        let first = key.and_then(|key| Some((key, values.next()?)));
        let first = first.map(|(key, value)| Argument { key: Ident::new(key, value.span()), value: value.clone() });
        for value in values {
            errors.push(Error::new_spanned(
                value,
                match key {
                    Some(key) => format!("`{attribute}` takes one value without a key, its `{key}`"),
                    None => format!("`{attribute}` takes no value without a key; write `key = value`"),
                },
            ));
        }
        Self { values: Vec::new(), keyed: first.into_iter().chain(self.keyed.iter().cloned()).collect() }
    }

    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        if has_key(input) {
            let key = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            if at_end(input) {
                return Err(Error::new(key.span(), format!("`{key}` wants a value after the `=`")));
            }
            let value = parse_value(input)?;
            self.keyed.push(Argument { key, value });
        } else if let Some(first) = self.keyed.first() {
            let message = format!("write `key = value` here; a value without a key stands before `{}`", first.key);
            return Err(input.error(message));
        } else {
            let value = parse_value(input)?;
            self.values.push(value);
        }
        Ok(())
    }

    /// Hands each key to the row that reads it: of `table`, which makes `policy`, or of `common`, which every attribute
    /// has.
    pub(crate) fn read<P, C>(
        &self,
        (table, policy): (&[Key<P>], &mut P),
        (common_table, common): (&[Key<C>], &mut C),
        attribute: &str,
        errors: &mut Errors,
    ) {
        for (position, argument) in self.keyed.iter().enumerate() {
            let key = argument.key.unraw().to_string();
            if self.keyed[..position].iter().any(|earlier| earlier.key.unraw() == key) {
                errors
                    .push(Error::new(argument.key.span(), format!("`{key}` is written twice; leave one of them out")));
            } else if let Some(row) = table.iter().find(|row| row.name == key) {
                errors.keep((row.read)(policy, argument));
            } else if let Some(row) = common_table.iter().find(|row| row.name == key) {
                errors.keep((row.read)(common, argument));
            } else {
                let names = table.iter().map(|row| row.name).chain(common_table.iter().map(|row| row.name));
                errors.push(unknown(&argument.key, attribute, &names.collect::<Vec<_>>()));
            }
        }
    }
}

fn unknown(key: &Ident, attribute: &str, known: &[&str]) -> Error {
    Error::new(key.span(), unknown_key(attribute, &key.to_string(), known))
}

fn has_key(input: ParseStream<'_>) -> bool {
    input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]) && !input.peek2(Token![=>])
}

fn parse_value(input: ParseStream<'_>) -> Result<Expr> {
    let value = input.parse()?;
    if at_end(input) {
        Ok(value)
    } else if input.peek(Token![:]) {
        Err(input.error("write `=` between a key and its value"))
    } else {
        Err(input.error("write `,` between two arguments"))
    }
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
