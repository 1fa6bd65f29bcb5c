//! Other people's types: how their errors and answers are classified, one file a crate.

pub(crate) mod io;
pub(crate) mod source;
pub(crate) mod status;
