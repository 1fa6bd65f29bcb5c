//! What a compiler's words are compared by: all of them, or what is ours among them.

use std::fmt;

/// The text without the excerpts of the standard library, which rustc prints where the component `rust-src` is
/// installed, and only there.
pub(crate) fn without_std_excerpts(text: &str) -> String {
    let mut kept = String::new();
    let mut in_std = false;
    for line in text.lines() {
        let start = line.trim_start();
        if start.starts_with("--> ") || start.starts_with("::: ") {
            in_std = start[4..].starts_with("$RUST/");
        } else if in_std {
            in_std = start.starts_with('|') || start.starts_with("...");
            if in_std {
                continue;
            }
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// An error in our words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// File, line and column.
    place: String,
    /// What is underlined: of each line its number, and of each run of carets its length.
    underlined: Vec<(String, usize)>,
    /// The message, the labels and the notes.
    sentences: Vec<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}, underlined {:?}", self.place, self.underlined)?;
        self.sentences.iter().try_for_each(|sentence| writeln!(f, "    {sentence}"))
    }
}

/// The codes of errors whose words come from us: a trait's `on_unimplemented`, and a constant that panics. Those of
/// `compile_error!` have no code.
const OUR_CODES: [&str; 3] = ["error: ", "error[E0277]: ", "error[E0080]: "];

/// How rustc's own errors without a code begin.
const RUSTC_MESSAGES: [&str; 4] =
    ["cannot find attribute ", "expected `;`", "key-value macro attributes ", "variable does not need to be mutable"];

/// How the labels and notes begin that rustc adds to our errors.
const RUSTC_REMARKS: [&str; 7] = [
    "could not evaluate static initializer",
    "evaluation of ",
    "in this ",
    "required by ",
    "required for ",
    "the full name for the type ",
    "this error originates ",
];

/// Our errors among what a compiler says, in its order.
pub(crate) fn ours(text: &str) -> Vec<Error> {
    let lines: Vec<&str> = text.lines().collect();
    lines.split(|line| line.is_empty()).filter_map(error).collect()
}

fn error(block: &[&str]) -> Option<Error> {
    let arrow = block.iter().position(|line| line.trim_start().starts_with("--> "))?;
    let message = block[..arrow].join("\n");
    let message = OUR_CODES.iter().find_map(|code| message.strip_prefix(code))?;
    if RUSTC_MESSAGES.iter().any(|start| message.starts_with(start)) {
        return None;
    }
    let place = block[arrow].trim_start()["--> ".len()..].to_owned();

    let mut sentences = Vec::new();
    let mut remark = |text: &str| {
        if !text.is_empty() && !RUSTC_REMARKS.iter().any(|start| text.starts_with(start)) {
            // Where the words of a panic stand depends on the version: in the message or in the label.
            sentences.push(text.trim_start_matches("evaluation panicked: ").to_owned());
        }
    };
    remark(message);

    let mut underlined = Vec::new();
    let mut number = "";
    let is_excerpt = |line: &&str| line.trim_start().starts_with(|c: char| c == '|' || c == '.' || c.is_ascii_digit());
    let excerpt = block[arrow + 1..].iter().take_while(|line| is_excerpt(line)).count();
    for line in &block[arrow + 1..][..excerpt] {
        let Some((gutter, rest)) = line.split_once('|') else { continue };
        if gutter.trim().is_empty() {
            let label = rest.trim_start_matches([' ', '|', '_', '^', '-']);
            let marks = &rest[..rest.len() - label.len()];
            let runs = marks.split(|c| c != '^').filter(|run| !run.is_empty());
            underlined.extend(runs.map(|run| (number.to_owned(), run.len())));
            remark(label);
        } else {
            number = gutter.trim();
        }
    }
    block[arrow + 1 + excerpt..].iter().filter_map(|line| line.trim_start().strip_prefix("= note: ")).for_each(remark);
    Some(Error { place, underlined, sentences })
}

/// Which of our errors are not among those of the other text. Rustc may have added to what we say; and where macros can
/// join spans, which is on a nightly compiler, the rest of an expression is underlined too and not its first token alone.
pub(crate) fn missing<'a>(wanted: &'a [Error], said: &[Error], joined: bool) -> Vec<&'a Error> {
    let underlines = |said: &Error, wanted: &Error| {
        let covers = |(line, length): &(String, usize)| {
            said.underlined.iter().any(|said| said.0 == *line && (said.1 == *length || joined && said.1 > *length))
        };
        wanted.underlined.iter().all(covers)
    };
    let says = |said: &Error, wanted: &Error| {
        said.place == wanted.place
            && underlines(said, wanted)
            && wanted.sentences.iter().all(|sentence| said.sentences.contains(sentence))
    };
    wanted.iter().filter(|wanted| !said.iter().any(|said| says(said, wanted))).collect()
}

/// What rustc 1.95.0 said where `rust-src` was installed.
const WITH_SOURCES: &str = r#"error[E0308]: mismatched types
 --> tests/ui/fail/wrong_body.rs:8:19
  |
8 |         return Ok("none");
  |                -- ^^^^^^ expected `u64`, found `&str`
  |                |
  |                arguments to this enum variant are incorrect
  |
note: tuple variant defined here
 --> $RUST/core/src/result.rs
  |
  |     Ok(#[stable(feature = "rust1", since = "1.0.0")] T),
  |     ^^
note: required by a bound in `clone_argument`
 --> $WORKSPACE/resilience-runtime/src/fallback.rs
  |
  | pub fn clone_argument<T: CloneArgument>(argument: &T) -> T {
  |                          ^^^^^^^^^^^^^ required by this bound in `clone_argument`
"#;

#[test]
fn excerpts_of_std_are_left_out_and_nothing_else() {
    let without = WITH_SOURCES.replace(
        "result.rs\n  |\n  |     Ok(#[stable(feature = \"rust1\", since = \"1.0.0\")] T),\n  |     ^^\n",
        "result.rs\n",
    );
    assert_eq!(WITH_SOURCES.lines().count() - without.lines().count(), 3);
    assert_eq!(without_std_excerpts(WITH_SOURCES), without);
    assert_eq!(without_std_excerpts(&without), without);
}

/// One error of a trait, one of `compile_error!`, one of a constant, and one of rustc's own.
const ERRORS: &str = r"error[E0277]: this fallback does not fit
 --> tests/ui/fail/x.rs:4:19
  |
4 | #[fallback(first, second)]
  |                   ^^^^^^
  |                   |
  |                   does not take the arguments
  |                   required by a bound introduced by this call
  |
  = help: the trait `Fallback` is not implemented for fn item `second`
  = note: a fallback takes what the function takes
  = note: this error originates in the attribute macro `fallback`

error: write the word without a path
 --> tests/ui/fail/x.rs:7:10
  |
7 | #[retry::retry]
  |   ^^^^^

error[E0080]: evaluation panicked: `timeout` is too long
 --> tests/ui/fail/x.rs:9:11
  |
9 | #[timeout(LONG)]
  |           ^^^^ evaluation of `__TIMEOUT` failed here

error[E0425]: cannot find value `missing` in this scope
  --> tests/ui/fail/x.rs:10:8
   |
10 |     Ok(missing)
   |        ^^^^^^^ not found in this scope
";

#[test]
fn our_part_of_an_error_is_its_words_and_its_token() {
    let errors = ours(ERRORS);
    let part = |place: &str, underlined: (&str, usize), sentences: &[&str]| Error {
        place: format!("tests/ui/fail/x.rs:{place}"),
        underlined: vec![(underlined.0.to_owned(), underlined.1)],
        sentences: sentences.iter().map(|&sentence| sentence.to_owned()).collect(),
    };
    let fallback =
        ["this fallback does not fit", "does not take the arguments", "a fallback takes what the function takes"];
    assert_eq!(
        errors,
        [
            part("4:19", ("4", 6), &fallback),
            part("7:10", ("7", 5), &["write the word without a path"]),
            part("9:11", ("9", 4), &["`timeout` is too long"]),
        ]
    );
}

#[test]
fn a_difference_in_our_part_is_noticed_and_one_in_rustcs_is_not() {
    let recorded = ours(ERRORS);
    let differs = |from: &str, to: &str| {
        assert!(ERRORS.contains(from), "{from}");
        missing(&recorded, &ours(&ERRORS.replace(from, to)), false).len()
    };
    for (from, to) in [
        ("does not fit", "does not match"),
        ("does not take the", "has other"),
        ("a fallback takes", "it takes"),
        ("the word without", "it without"),
        ("is too long", "is long"),
        ("x.rs:7:10", "x.rs:7:9"),
        ("x.rs:7:10", "x.rs:8:10"),
        ("  |   ^^^^^\n", "  |   ^^^^\n"),
        ("  |   ^^^^^\n", "  |   ^^^^^^\n"),
    ] {
        assert_eq!(differs(from, to), 1, "{from} -> {to}");
    }
    for (from, to) in [
        ("  = help: the trait `Fallback` is not implemented for fn item `second`\n", ""),
        ("required by a bound introduced", "required by what is introduced"),
        ("cannot find value", "there is no value"),
        ("evaluation panicked: `timeout` is too long", "evaluation of constant value failed"),
    ] {
        let elsewhere = to.starts_with("evaluation");
        let said = ERRORS.replace(from, to);
        let said = if elsewhere { said.replace("evaluation of `__TIMEOUT` failed here", from) } else { said };
        assert_eq!(missing(&recorded, &ours(&said), false).len(), 0, "{from} -> {to}");
    }
    let longer = ours(&ERRORS.replace("  |   ^^^^^\n", "  |   ^^^^^^^^^^^^\n"));
    assert!(missing(&recorded, &longer, true).is_empty() && !missing(&longer, &recorded, true).is_empty());
}
