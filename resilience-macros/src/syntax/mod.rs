//! How an annotated function is written: its attributes, its signature, and its body, which stays tokens.

mod arguments;
mod attributes;
mod captures;
mod item;
mod sketch;
mod tail;
mod tokens;
mod value;

use crate::error::Errors;

pub(crate) use arguments::{Arguments, Key, KeyValue, Rows, Table, lone_key};
pub(crate) use attributes::{Kind, Ours, TAKEN, Written, cfg_attr, is_inert, is_taken};
pub(crate) use captures::{captures_self, is_format_macro, may_move_self, unseen_captures};
pub(crate) use item::{Function, RUNTIME, split_inner_attributes};
pub(crate) use sketch::{Sketch, Slot, elements, is_literal, lone_word};
pub(crate) use tail::{Tail, tail};
pub(crate) use tokens::{AngleBrackets, begins_item, has_word, inside, may_leave, punct, rest_of_item};
pub(crate) use value::{Given, classifier, given, hook, name, path, rejections, switch, unwrapped};

/// A function and the attributes of ours that stand above it, the topmost first.
pub(crate) struct Annotated {
    pub(crate) ours: Vec<Ours>,
    /// `None` where it could not be read.
    pub(crate) function: Option<Function>,
}

/// Reads the attributes and the function. Neither waits for the other, so that the mistakes in both are shown together.
pub(crate) fn parse(written: &Written, errors: &mut Errors) -> Annotated {
    Annotated {
        ours: written.ours(errors),
        function: errors.keep(Function::parse(written.kept.clone(), written.function.clone())),
    }
}
