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
    for round in 0..4000 {
        let arguments = random.arguments();
        let (stack, function) = (random.stack(), random.function());
        let text = format!("round {round}: #[…({arguments})] {stack} {function}");
        for attribute in [retry, circuit_breaker, bulkhead, rate_limit, timeout, fallback] {
            let expansion = attribute(arguments.clone(), quote!(#stack #function));
            let wanted = match messages(&expansion).is_empty() {
                true => words(body(&function)),
                false => words(function.clone()),
            };
            assert!(is_subsequence(&wanted, &words(expansion.clone())), "{text}\nbecame\n{expansion}");
        }
    }
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
