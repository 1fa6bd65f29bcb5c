use proc_macro2::TokenTree;

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
