use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

use super::is_format_macro;

/// The character of a punctuation token, and a space for any other token.
pub(crate) fn punct(token: &TokenTree) -> char {
    match token {
        TokenTree::Punct(punct) => punct.as_char(),
        TokenTree::Ident(_) | TokenTree::Literal(_) | TokenTree::Group(_) => ' ',
    }
}

/// Counts angle brackets, which are no groups of tokens, along a list of tokens.
#[derive(Default)]
pub(crate) struct AngleBrackets {
    open: usize,
    follows_minus: bool,
}

impl AngleBrackets {
    pub(crate) fn are_closed(&self) -> bool {
        self.open == 0
    }

    /// Whether the next token closes a bracket. The `>` of an arrow does not.
    pub(crate) fn are_closed_by(&self, next: &TokenTree) -> bool {
        punct(next) == '>' && !self.follows_minus
    }

    pub(crate) fn pass(&mut self, next: &TokenTree) {
        if self.are_closed_by(next) {
            self.open = self.open.saturating_sub(1);
        } else if punct(next) == '<' {
            self.open += 1;
        }
        self.follows_minus = punct(next) == '-';
    }
}

/// Whether an item begins here that has functions with a `self` of their own, or in which `self` is a module. `fn` also begins the type of a function pointer.
pub(crate) fn begins_item(word: &Ident, next: Option<&TokenTree>) -> bool {
    match &*word.to_string() {
        "impl" | "trait" | "mod" | "use" => true,
        "fn" => matches!(next, Some(TokenTree::Ident(_))),
        _ => false,
    }
}

/// The tokens up to the item's body, or to the semicolon of an item without one.
pub(crate) fn rest_of_item(tokens: &mut impl Iterator<Item = TokenTree>) -> TokenStream {
    let mut rest = TokenStream::new();
    // Braces between angle brackets are constants: `impl Buffer<{ 2 * N }> { … }`.
    let mut brackets = AngleBrackets::default();
    for token in tokens {
        let is_body = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        let ends = brackets.are_closed() && (is_body || punct(&token) == ';');
        brackets.pass(&token);
        rest.extend([token]);
        if ends {
            break;
        }
    }
    rest
}

/// Whether there is such an identifier anywhere among the tokens.
pub(crate) fn has_word(tokens: TokenStream, is: &impl Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => is(&word),
        TokenTree::Group(group) => has_word(group.stream(), is),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether an expression may wait, or leave the function in which it stands. What a macro makes of its arguments is known only of those that format.
pub(crate) fn may_leave(expression: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = expression.into_iter().collect();
    let is_unknown_macro = |tokens: &[TokenTree]| matches!(tokens, [TokenTree::Ident(name), bang, TokenTree::Group(_)] if punct(bang) == '!' && !is_format_macro(name));
    tokens.windows(3).any(is_unknown_macro)
        || tokens.into_iter().any(|token| match token {
            TokenTree::Ident(word) => ["await", "return"].iter().any(|leaves| word == leaves),
            TokenTree::Punct(sign) => sign.as_char() == '?',
            TokenTree::Group(group) => may_leave(group.stream()),
            TokenTree::Literal(_) => false,
        })
}

/// The group with its tokens changed.
pub(crate) fn inside(group: &Group, change: fn(TokenStream) -> TokenStream) -> TokenTree {
    let mut changed = Group::new(group.delimiter(), change(group.stream()));
    changed.set_span(group.span());
    TokenTree::Group(changed)
}
