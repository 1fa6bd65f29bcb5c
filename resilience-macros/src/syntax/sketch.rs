//! The attributes of a function by their tokens alone, for an editor: any part of them may be half typed, and what is said of the rest
//! does not depend on it.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::{Path, parse::Parser};

use super::{Kind, attributes::path_and_rest, punct};

/// What stands above a function, and the function.
pub(crate) struct Sketch {
    /// The attributes of ours, the topmost first.
    pub(crate) ours: Vec<Sketched>,
    /// What `crate = path` says in any of them.
    pub(crate) runtime: Option<Path>,
    /// The attributes of others.
    pub(crate) kept: TokenStream,
    /// What they stand above.
    pub(crate) function: TokenStream,
}

/// An attribute of ours.
pub(crate) struct Sketched {
    pub(crate) kind: Kind,
    /// `None` of the topmost: a macro is not handed its own name.
    pub(crate) path: Option<Path>,
    /// Whether it is written `#[path = value]`.
    pub(crate) is_pair: bool,
    pub(crate) slots: Vec<Slot>,
}

/// What stands from one comma to the next.
pub(crate) enum Slot {
    /// `key = value`, of which the value may not be there yet.
    Keyed(Ident, TokenStream),
    /// A value, a word that may become a key, or nothing yet.
    Alone(TokenStream),
}

impl Sketch {
    /// What stands above an `item` below the attribute of `kind` with these `arguments`, and the item.
    pub(crate) fn new(kind: Kind, arguments: TokenStream, item: TokenStream) -> Self {
        let (mut attributes, mut function) = (Vec::new(), TokenStream::new());
        let mut tokens = item.into_iter().peekable();
        while let Some(hash) = tokens.next_if(|token| punct(token) == '#') {
            match tokens.next_if(|next| matches!(next, TokenTree::Group(_))) {
                Some(TokenTree::Group(group)) => attributes.push((hash, group)),
                _ => {
                    function.extend([hash]);
                    break;
                }
            }
        }
        function.extend(tokens);
        let topmost = Sketched { kind, path: None, is_pair: false, slots: slots(arguments).map(Slot::new).collect() };
        let read = attributes.iter().filter_map(|(_, group)| Sketched::read(group.stream()));
        let runtime = topmost.runtime().or_else(|| {
            let mut below = read.filter_map(|(path, sketched)| Some((path, sketched.runtime()?)));
            below.find(|(path, runtime)| Kind::of(path, Some(runtime)).is_some()).map(|(_, runtime)| runtime)
        });
        let (mut ours, mut kept) = (vec![topmost], TokenStream::new());
        for (hash, group) in attributes {
            match Sketched::read(group.stream()).filter(|(path, _)| Kind::of(path, runtime.as_ref()).is_some()) {
                Some((_, sketched)) => ours.push(sketched),
                None => kept.extend([hash, TokenTree::Group(group)]),
            }
        }
        Self { ours, runtime, kept, function }
    }

    /// Whether what the body returns is what the function returns.
    pub(crate) fn is_async(&self) -> bool {
        let mut words = self.function.clone().into_iter().filter_map(|token| match token {
            TokenTree::Ident(word) => Some(word),
            _ => None,
        });
        words.by_ref().take_while(|word| word != "fn").any(|word| word == "async")
    }
}

impl Sketched {
    /// One that may be ours, by the last word of its path.
    fn read(attribute: TokenStream) -> Option<(Path, Self)> {
        let (path, rest) = path_and_rest(attribute)?;
        let kind = Kind::named(&path.segments.last()?.ident.to_string())?;
        let mut rest = rest.into_iter();
        let first = rest.next();
        let is_pair = first.as_ref().is_some_and(|token| punct(token) == '=');
        let arguments = match first {
            Some(TokenTree::Group(group)) => group.stream(),
            _ => rest.collect(),
        };
        let slots = match is_pair {
            true => vec![Slot::Alone(arguments)],
            false => slots(arguments).map(Slot::new).collect(),
        };
        Some((path.clone(), Self { kind, path: Some(path), is_pair, slots }))
    }

    fn runtime(&self) -> Option<Path> {
        let mut named = self.slots.iter().filter_map(|slot| match slot {
            Slot::Keyed(key, path) if key == "crate" => Some(path.clone()),
            Slot::Keyed(..) | Slot::Alone(_) => None,
        });
        Path::parse_mod_style.parse2(named.next()?).ok()
    }
}

impl Slot {
    fn new(tokens: TokenStream) -> Self {
        let mut rest = tokens.clone().into_iter().peekable();
        let Some(TokenTree::Ident(key)) = rest.next() else { return Self::Alone(tokens) };
        let sign = |token: Option<&TokenTree>| token.map_or(' ', punct);
        match (sign(rest.peek()), rest.peek()) {
            (_, Some(TokenTree::Literal(_))) => Self::Keyed(key, TokenStream::new()),
            (first @ ('=' | ':'), _) => {
                rest.next();
                // `==`, `=>`, `::`
                match (first, sign(rest.peek())) {
                    ('=', '=' | '>') | (':', ':') => Self::Alone(tokens),
                    _ => Self::Keyed(key, rest.collect()),
                }
            }
            _ => Self::Alone(tokens),
        }
    }
}

/// Whether an editor has nothing to say about this value.
pub(crate) fn is_literal(value: &TokenStream) -> bool {
    let mut tokens = value.clone().into_iter().filter(|token| punct(token) != '-');
    matches!((tokens.next(), tokens.next()), (Some(TokenTree::Literal(_)), None))
}

/// The one word of which it consists, unless it is a constant's, which is written in capitals.
pub(crate) fn lone_word(tokens: &TokenStream) -> Option<Ident> {
    let mut tokens = tokens.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(word)), None) if word.to_string().starts_with(char::is_lowercase) => Some(word),
        _ => None,
    }
}

/// The elements of a value that is a list.
pub(crate) fn elements(value: &TokenStream) -> Option<impl Iterator<Item = TokenStream>> {
    let mut tokens = value.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Bracket => Some(slots(group.stream())),
        _ => None,
    }
}

/// What stands from one comma to the next; nothing, once, where there is nothing at all. The parameters of a closure and what stands
/// between `::<` and `>` are one.
fn slots(tokens: TokenStream) -> impl Iterator<Item = TokenStream> {
    let mut slots = vec![TokenStream::new()];
    let (mut in_parameters, mut open, mut before) = (false, 0_usize, ' ');
    // Whether a value begins here, or a slot; whether one word of it is all that there is so far.
    let (mut begins, mut begins_slot, mut is_alone) = (true, true, false);
    for token in tokens {
        let sign = punct(&token);
        match sign {
            ',' if !in_parameters && open == 0 => {
                slots.push(TokenStream::new());
                (begins, begins_slot, is_alone) = (true, true, false);
                before = ' ';
                continue;
            }
            '|' if in_parameters => in_parameters = false,
            '|' if begins => in_parameters = true,
            '<' if before == ':' || open > 0 => open += 1,
            '>' if before != '-' => open = open.saturating_sub(1),
            _ => {}
        }
        let is_modifier = is_word(&token, &["move", "async"]);
        // The comma before the next key is not there yet.
        if is_alone && matches!(token, TokenTree::Ident(_)) && !is_word(&token, &["as"]) {
            slots.push(TokenStream::new());
        }
        is_alone = begins_slot && matches!(token, TokenTree::Ident(_)) && !is_modifier;
        begins_slot = false;
        begins = sign == '=' || (begins && is_modifier);
        before = sign;
        slots.last_mut().expect("there is one").extend([token]);
    }
    slots.into_iter()
}

fn is_word(token: &TokenTree, words: &[&str]) -> bool {
    matches!(token, TokenTree::Ident(word) if words.iter().any(|other| word == other))
}
