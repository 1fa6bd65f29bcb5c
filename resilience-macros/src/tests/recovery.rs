//! Whatever goes wrong, the function stays.

use std::fmt::Write;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

use super::{bulkhead, circuit_breaker, fallback, messages, rate_limit, retry, timeout};

#[test]
fn a_mistake_leaves_the_function_as_it_was() {
    let function = quote! {
        /// Charges.
        pub(crate) async fn charge(order: &Order) -> Result<(), Error> { pay(order).await }
    };
    let expansion = circuit_breaker(quote!(failure_rat = 50), function.clone());
    let without_errors = expansion.to_string().split(":: core :: compile_error").next().map(str::to_owned);
    assert_eq!(without_errors.unwrap().trim(), function.to_string());
}

#[test]
fn attributes_that_were_taken_off_count_as_used() {
    let expansion = fallback(
        quote!(queue, wrong = 1),
        quote! {
            #[resilience_runtime::circuit_breaker("payment")]
            #[other::circuit_breaker]
            async fn charge() -> Result<(), Error> { #![allow(unused)] pay().await }
        },
    );
    let expected = quote! {
        #[other::circuit_breaker]
        async fn charge() -> Result<(), Error> {
            #![allow(unused)]
            #[resilience_runtime::circuit_breaker(__taken)] const _: () = ();
            pay().await
        }
    };
    assert!(expansion.to_string().starts_with(&expected.to_string()), "{expansion}");
    assert!(
        circuit_breaker(
            quote!(__taken),
            quote!(
                const _: () = ();
            )
        )
        .is_empty()
    );
}

#[test]
fn what_is_no_function_stays_too() {
    for item in [
        quote!(
            struct Payment {
                cents: u64,
            }
        ),
        quote!(impl Payment { async fn pay(&self) {} }),
        quote!(
            const LIMIT: u64 = 3;
        ),
        quote!(async fn half),
        quote!(async fn half(),),
        quote!(pub async),
        quote!(
            async fn declared(&self) -> Result<(), Error>;
        ),
        quote!(),
    ] {
        let expansion = circuit_breaker(quote!("payment"), item.clone());
        assert!(expansion.to_string().starts_with(item.to_string().trim()), "{expansion}");
        assert_eq!(messages(&expansion).len(), 1, "{expansion}");
    }
}

#[test]
fn attributes_are_taken_off_what_is_no_function() {
    let item = quote!(
        struct Payment {
            cents: u64,
        }
    );
    let expansion = circuit_breaker(quote!("payment"), quote!(#[fallback(queue)] #[derive(Debug)] #item));
    assert!(expansion.to_string().starts_with(&quote!(#[derive(Debug)] #item).to_string()), "{expansion}");
}

/// Arguments and functions that nobody would write, a few thousand of them, each followed by its text in case it
/// panics.
#[test]
fn no_tokens_at_all_lose_the_function() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut guarded = 0;
    for round in 0..4000 {
        let arguments = random.arguments();
        let (stack, function) = (random.stack(), random.function());
        let text = format!("round {round}: #[…({arguments})] {stack} {function}");
        for (attribute, right) in ATTRIBUTES {
            // Now and then there is nothing wrong with the arguments, so that the function gets through to the end.
            let arguments = if round % 4 == 0 { right.parse().unwrap() } else { arguments.clone() };
            guarded += usize::from(keeps(attribute, &arguments, &stack, &function, &text));
        }
    }
    assert!(guarded > 800, "only {guarded} of them had nothing wrong");
}

/// What is written above a function that has nothing wrong, with one token too few, too many or in the wrong place.
#[test]
fn no_slip_in_the_arguments_loses_the_function() {
    let function = quote!(
        async fn charge(&mut self, order: Order) -> Result<Receipt, Error> {
            self.gateway.charge(order).await
        }
    );
    for (attribute, arguments) in [
        (
            retry as Attribute,
            quote!(
                attempts = 3,
                delay = "1s",
                retry_if = |error| error.is(1),
                retry_rejections = [timed_out, circuit_open],
                jitter = 0.5
            ),
        ),
        (
            circuit_breaker,
            quote!(
                "payment",
                failure_rate = RATE,
                window = none,
                consecutive_failures = 5,
                trip_if = trips,
                key = order.id,
                mode = monitor
            ),
        ),
        (
            circuit_breaker,
            quote!(name = "payment", window = "10s", failure_if = Error::counts::<u8>, crate = ::resilience_runtime),
        ),
        (bulkhead, quote!(5, max_queue = 2 * 3, max_wait = "1s", map_rejection = |rejection| Error::from(rejection))),
        (timeout, quote!("1s", name = "total")),
        (rate_limit, quote!("100/s", burst = 5, max_wait = Duration::from_secs(1))),
        (fallback, quote!(Self::later, |this, order, failure| async move { Ok(()) }, on = [timed_out], if = |_| true)),
    ] {
        let stack = quote!(#[resilience_runtime::bulkhead(3)]);
        let mut refused = 0;
        for changed in slips(&arguments) {
            let text = format!("{arguments}\nas {changed}");
            refused += usize::from(!keeps(attribute, &changed, &stack, &function, &text));
        }
        assert!(refused > 20, "{arguments}: only {refused} refused");
    }
}

/// A body as it is while somebody types it: it ends anywhere, with and without what stands behind.
#[test]
fn a_body_that_is_half_typed_is_there() {
    let body = quote! {
        let Some(order) = self.orders.get(&id) else { return Err(Error::Unknown) };
        fn twice(self) -> u8 { 2 }
        let sum: u64 = order.lines.iter().map(|line| { line.cents * 2 }).sum::<u64>()?;
        tracing::info!(cents = sum, "{self} charges {}", id);
        for _ in 0..3 { if self.gateway.charge(sum).await.is_ok() { break } }
        match self.state { State::Open { at, .. } if at > 3 => [1, 2][0], _ => Box::pin(async move { self.more() }).await }
    };
    let mut guarded = 0;
    for (signature, tail) in [
        (quote!(async fn charge(&mut self, id: u64) -> Result<u64, Error>), quote!()),
        (quote!(fn charge(&self, (id, _): (u64, u8)) -> Result<u64, Error>), quote!()),
        (quote!(fn charge(&mut self, id: u64) -> impl Future<Output = Result<u64, Error>>), quote!(async move)),
        (
            quote!(fn charge<'life0, 'async_trait>(&'life0 mut self, id: u64) -> Pin<Box<dyn Future<Output = Result<u64, Error>> + 'async_trait>>),
            quote!(async move),
        ),
    ] {
        let is_boxed = signature.to_string().contains("Box");
        let retry = if tail.is_empty() || is_boxed { quote!(#[retry]) } else { quote!() };
        let stack = quote!(#retry #[fallback(Self::later)] #[circuit_breaker(key = id)]);
        for cut in cuts(&body) {
            let function = match (tail.is_empty(), is_boxed) {
                (true, _) => quote!(#signature { #cut }),
                (false, false) => quote!(#signature { #tail { #cut } }),
                (false, true) => quote!(#signature { Box::pin(#tail { #cut }) }),
            };
            let text = function.to_string();
            assert!(keeps(bulkhead, &quote!(3), &stack, &function, &text), "{text}");
            guarded += 1;
        }
    }
    assert!(guarded > 1000, "only {guarded}");
}

type Attribute = fn(TokenStream, TokenStream) -> TokenStream;

/// Each with arguments that are right.
const ATTRIBUTES: [(Attribute, &str); 6] = [
    (retry, "attempts = 3, retry_if = |error| true"),
    (circuit_breaker, "\"payment\", failure_rate = 50"),
    (bulkhead, "3"),
    (rate_limit, "\"100/s\""),
    (timeout, "\"1s\""),
    (fallback, "a, Self::b"),
];

/// Whether the function is guarded. If it is not, it is there as it was written; if it is, its body is.
fn keeps(
    attribute: Attribute,
    arguments: &TokenStream,
    stack: &TokenStream,
    function: &TokenStream,
    text: &str,
) -> bool {
    let expansion = attribute(arguments.clone(), quote!(#stack #function));
    let is_guarded = messages(&expansion).is_empty();
    let wanted = if is_guarded { words(body(function)) } else { words(function.clone()) };
    assert!(is_subsequence(&wanted, &words(expansion.clone())), "{text}\nbecame\n{expansion}");
    is_guarded
}

/// The tokens with one of them left out, written twice, put behind the next, in another's place, or in a group that a `macro_rules!`
/// makes.
fn slips(tokens: &TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut changed = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let (before, after) = (&tokens[..at], &tokens[at + 1..]);
        let mut put = |instead: TokenStream| changed.push(quote!(#(#before)* #instead #(#after)*));
        put(quote!());
        put(quote!(#token #token));
        for other in [
            quote!(,),
            quote!(=),
            quote!(::),
            quote!(-),
            quote!(3),
            quote!("x"),
            quote!(none),
            quote!({ x }),
            quote!(|),
            quote!(Self),
        ] {
            put(other);
        }
        put(TokenTree::from(Group::new(Delimiter::None, token.clone().into())).into());
        if let TokenTree::Group(group) = token {
            for inside in slips(&group.stream()) {
                put(TokenTree::from(Group::new(group.delimiter(), inside)).into());
            }
        }
        if let [next, rest @ ..] = after {
            changed.push(quote!(#(#before)* #next #token #(#rest)*));
        }
    }
    changed
}

/// The tokens up to any place in them, however deep, and the same with those that come after its groups.
fn cuts(tokens: &TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut cut = Vec::new();
    for at in 0..=tokens.len() {
        let (before, rest) = tokens.split_at(at);
        cut.push(quote!(#(#before)*));
        let Some((TokenTree::Group(group), after)) = rest.split_first() else { continue };
        for inside in cuts(&group.stream()) {
            let half = Group::new(group.delimiter(), inside);
            cut.push(quote!(#(#before)* #half));
            cut.push(quote!(#(#before)* #half #(#after)*));
        }
    }
    cut
}

fn body(function: &TokenStream) -> TokenStream {
    match function.clone().into_iter().last() {
        Some(TokenTree::Group(body)) => body.stream(),
        _ => panic!("a function without a body was guarded: {function}"),
    }
}

/// The tokens in their order, whatever braces they are in. The body's `self` may have been renamed.
fn words(tokens: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => words.extend(self::words(group.stream())),
            token => words.push(token.to_string().replace("__self", "self")),
        }
    }
    words
}

fn is_subsequence(wanted: &[String], among: &[String]) -> bool {
    let mut among = among.iter();
    wanted.iter().all(|word| among.any(|other| other == word))
}

/// xorshift: the same sequence in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn arguments(&mut self) -> TokenStream {
        const WORDS: [&str; 59] = [
            "a",
            "\"{a}\"",
            "format_args!",
            "max_wait",
            "budget",
            "failure_rate",
            "window",
            "open_for",
            "half_open_calls",
            "mode",
            "preset",
            "key",
            "failure_if",
            "trip_if",
            "crate",
            "name",
            "map_rejection",
            "on",
            "if",
            "after",
            "rate",
            "attempts",
            "backoff",
            "jitter",
            "retry_rejections",
            "retry_if",
            "max_concurrent",
            "[timed_out]",
            "[]",
            "fibonacci",
            "\"100/s\"",
            "10",
            "=",
            "=",
            "=",
            "==",
            "=>",
            ",",
            ",",
            ",",
            ":",
            "::",
            "|",
            "&",
            "-",
            "50",
            "0.5",
            "\"10s\"",
            "\"payment\"",
            "none",
            "monitor",
            "Self",
            "T",
            "if",
            "'a",
            "#",
            "!",
            "1e999",
            "99999999999999999999999",
        ];
        let mut text = String::new();
        let length = self.below(12);
        self.write(&mut text, &WORDS, length);
        text.parse().unwrap_or_default()
    }

    /// Attributes of ours that stand below another one.
    fn stack(&mut self) -> TokenStream {
        const STACKS: [&str; 9] = [
            "#[rt::retry(crate = rt)] #[rt::bulkhead]",
            "#[circuit_breaker(key = a)] #[fallback = g]",
            "#[retry] #[circuit_breaker(key = format_args!(\"{a}{self}\"))]",
            "",
            "#[retry]",
            "#[timeout(\"1s\")] #[bulkhead(3)]",
            "#[retry] #[circuit_breaker(key = self.0)] #[timeout(\"1s\")] #[rate_limit(\"1/s\")]",
            "#[fallback(a, |x| x, on = [timed_out])] #[retry(jitter = 2)]",
            "#[timeout = 3] #[retry] #[timeout(after)]",
        ];
        STACKS[self.below(STACKS.len())].parse().unwrap()
    }

    /// A function with half of its body missing, or with something else in it.
    fn function(&mut self) -> TokenStream {
        const WORDS: [&str; 30] = [
            "println",
            "write",
            "audit",
            "\"{self} {a}\"",
            "block_on",
            "__arg1",
            "self",
            "self",
            "let",
            "x",
            "=",
            ";",
            ".",
            "await",
            "?",
            "fn",
            "impl",
            "mod",
            "<",
            ">",
            "->",
            "|",
            ",",
            "use",
            "as",
            "__resilience",
            "#",
            "!",
            "1",
            "'a",
        ];
        const SIGNATURES: [&str; 14] = [
            "fn f(&mut self, (a, mut b): (u8, u8), ref x: String) -> Result<(), Error>",
            "fn f<'life0, 'async_trait>(&'life0 mut self, __arg1: (u8, u8)) -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = Result<(), Error>> + 'async_trait>>",
            "fn f(mut self, x: &mut u8) -> BoxFuture<'_, Result<(), Error>>",
            "pub const fn f() -> Result<(), Error>",
            "fn f() -> impl Future",
            "fn f(&mut self, x: String) -> Result<(), Error>",
            "fn f<'a>(&'a mut self, (a, b): A) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>",
            "pub(crate) fn f(x: &mut u8) -> impl Future<Output = Result<(), Error>> + use<'_>",
            "async fn f(&self, (a, b): (u8, u8)) -> Result<(), Error>",
            "pub async fn f<T: Send>(&mut self, x: &mut T, y: impl Into<T>) -> Result<impl Fn(u8) -> u8, Error>",
            "async fn f(#[cfg(a)] x: u8, #[cfg(b)] y: &mut u8, _: u8) -> io::Result<&str>",
            "fn f() -> Pin<Box<dyn Future<Output = ()>>>",
            "async fn f()",
            "async unsafe extern \"C\" fn f(self: Arc<Self>) -> Result<(), Error>",
        ];
        let signature: TokenStream = SIGNATURES[self.below(SIGNATURES.len())].parse().unwrap();
        let mut body = String::new();
        let length = self.below(20);
        self.write(&mut body, &WORDS, length);
        const TAILS: [&str; 5] = [
            "",
            "",
            "async { x }",
            "Box::pin(async move { self })",
            "Box::pin(async move { let (a, b) = { let __arg1 = __arg1; __arg1 }; self })",
        ];
        body.push_str(TAILS[self.below(TAILS.len())]);
        let body = Group::new(Delimiter::Brace, body.parse().unwrap_or_default());
        let function = quote!(#signature #body);
        // Half-typed: some of the tokens at the end are not there yet.
        let missing = if self.below(4) == 0 { self.below(6) } else { 0 };
        let length = function.clone().into_iter().count().saturating_sub(missing);
        function.into_iter().take(length).collect()
    }

    fn write(&mut self, text: &mut String, words: &[&str], length: usize) {
        for _ in 0..length {
            let word = words[self.below(words.len())];
            match self.below(8) {
                0 => {
                    text.push('(');
                    self.write(text, words, length / 2);
                    text.push(')');
                }
                1 => {
                    text.push('{');
                    self.write(text, words, length / 2);
                    text.push('}');
                }
                _ => write!(text, "{word} ").unwrap(),
            }
        }
    }
}

#[test]
fn half_typed_attributes_are_not_taken_for_the_function() {
    let function = quote!(
        pub async fn f(a: u8) -> Result<u8, Error> {
            a.
        }
    );
    for (half_typed, kept) in [
        (quote!(#[fallback = ]), quote!()),
        (quote!(#[resilience_runtime::fallback = ] #[inline]), quote!(#[inline])),
        (quote!(#[inline] #[doc = ]), quote!(#[inline] #[doc = ])),
        (quote!(#[]), quote!(#[])),
    ] {
        let expansion = circuit_breaker(quote!(), quote!(#half_typed #function));
        assert_eq!(messages(&expansion), [""; 0], "{half_typed}");
        assert_eq!(expansion.to_string(), quote!(#kept #function).to_string());
    }
}
