//! A body cannot tell that its function is guarded: the same tokens run bare and under every policy, and see the same.

use std::cell::RefCell;
use std::panic::Location;

use resilience_runtime::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn see(what: impl Into<String>) {
    SEEN.with_borrow_mut(|seen| seen.push(what.into()));
}

/// Says when it is dropped. Its clones do not, which a bare function does not make.
struct Loud(&'static str, bool);

fn loud(name: &'static str) -> Loud {
    Loud(name, true)
}

impl Clone for Loud {
    fn clone(&self) -> Self {
        Self(self.0, false)
    }
}

impl Drop for Loud {
    fn drop(&mut self) {
        if self.1 {
            see(format!("{} is dropped", self.0));
        }
    }
}

impl std::fmt::Debug for Loud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// Sees the names and values of what a body logs.
struct Fields;

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        see(format!("{} = {value:?}", field.name()));
    }
}

impl Subscriber for Fields {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(module_path!())
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Fields);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[track_caller]
fn here() -> String {
    Location::caller().to_string()
}

/// Which arm a token takes, and what it is as text.
macro_rules! told {
    (self) => { "the arm of `self`" };
    ($word:ident) => { concat!("the arm of a word: ", stringify!($word)) };
    ($($other:tt)*) => { concat!("the arm of anything: ", stringify!($($other)*)) };
}

fn type_of<T>(_: &T) -> &'static str {
    std::any::type_name::<T>()
}

/// The function under each of these, all of them with the same tokens at the same place. A key is handed in, for the names in it.
macro_rules! under_every_policy {
    ([$($key:tt)*] $function:tt) => {
        under_every_policy! { @all $function
            bare: ;
            breaker: circuit_breaker;
            retried: retry(attempts = 1);
            limited: rate_limit("100000/s");
            in_places: bulkhead(9);
            answered: fallback(Shop::other);
            keyed: circuit_breaker(key = $($key)*);
            stacked: retry(attempts = 1, delay = "0s"), circuit_breaker(key = $($key)*), bulkhead(9), rate_limit("100000/s"), fallback(Shop::other);
        }
    };
    (@all $function:tt $($name:ident: $($attribute:meta),*;)*) => {
        $(under_every_policy! { @one $name [$([$attribute])*] $function })*
    };
    (@one $name:ident [$([$attribute:meta])*] ($($function:tt)*)) => {
        mod $name {
            use super::*;

            #[derive(Clone, Debug)]
            pub(super) struct Shop(pub(super) u8, pub(super) &'static str);

            impl Shop {
                $(#[$attribute])*
                $($function)*
            }
        }
    };
}

macro_rules! same {
    ($of:ident: $call:expr) => {
        let seen = {
            let told = {
                let _fields = tracing::subscriber::set_default(Fields);
                $call
            };
            let mut seen = SEEN.take();
            seen.push(format!("{told:?}"));
            seen
        };
        match &$of {
            Some(bare) => assert_eq!(seen, *bare),
            None => $of = Some(seen),
        }
    };
}

mod unique {
    use super::*;

    under_every_policy! {[format_args!("{}{}", first.0, order.0)] (
        pub(super) async fn run(
            &mut self,
            order: Loud,
            text: &str,
            (first, _): (Loud, Loud),
            #[allow(unused_variables)] unused: Loud,
            mut room: &mut Vec<u8>,
            #[cfg(any())] never: Loud,
            mut last: Loud,
        ) -> Result<u32, Rejection> {
            use std::fmt::{self, Write as _};
            struct Local {
                pub(self) number: u32,
            }
            let _local = loud("a local");
            let mut written = String::new();
            let done: fmt::Result = write!(written, "{self:?} {} {text}", self.0);
            done.unwrap();
            see(written);
            tracing::info!(?self, ?order, self.id = self.0, "what is logged");
            see(format!("{}:{}", file!(), line!()));
            see(last.0);
            see(here());
            see(told!(self));
            see(told!(order));
            see(order.0);
            see(told!(self.0 + order));
            see(stringify!(self.0, order, last));
            see(type_of(&room));
            see(type_of(&*self).rsplit("::").next().unwrap());
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| assert!(self.0 > 100 && room.is_empty())));
            see(*caught.unwrap_err().downcast::<&'static str>().unwrap());
            self.0 += 1;
            room.push(1);
            last.0 = "last, renamed";
            see(self.1);
            let mut other = vec![1];
            room = &mut other;
            room.push(u8::try_from(first.0.len()).unwrap());
            room.len().to_string().parse::<u8>().unwrap();
            match { std::future::ready(Loud("a temporary", true)).await }.0.len() {
                0 => unreachable!(),
                length => Ok(Local { number: length as u32 + u32::from(self.0) }.number),
            }
        }

        #[allow(dead_code, clippy::too_many_arguments)]
        async fn other(&mut self, _: Loud, _: &str, _: (Loud, Loud), _: Loud, _: &mut Vec<u8>, _: Loud) -> Result<u32, Rejection> {
            unreachable!()
        }
    )}

    #[tokio::test]
    async fn behind_a_unique_reference() {
        let mut bare = None;
        macro_rules! each {
            ($($of:ident)*) => {$(
                same!(bare: $of::Shop(7, "shop").run(
                    loud("order"), "text", (loud("first"), loud("the rest of a pattern")), loud("unused"), &mut vec![], loud("last")
                ).await.unwrap());
            )*};
        }
        each!(bare breaker retried limited in_places answered keyed stacked);
        let bare = bare.unwrap();
        assert!(bare.len() > 15);
        assert!(bare.contains(&"self.id = 7".to_owned()), "{bare:?}");
    }
}

mod owned {
    use super::*;

    under_every_policy! { @all (
        pub(super) async fn run(self, order: Loud, _: Loud, Loud(name, _): Loud, (first, ..): (Loud, Loud)) -> Result<usize, Rejection> {
            see(format!("{self:?} {}", told!(self)));
            drop(order);
            let Self(number, _) = self;
            see(self.1);
            Ok(usize::from(number) + name.len() + first.0.len())
        })
        bare: ;
        breaker: circuit_breaker;
        retried: retry(attempts = 1);
        limited: rate_limit("100000/s");
        in_places: bulkhead(9);
        timed: timeout("1m");
        stacked: timeout("1m"), retry(attempts = 1), circuit_breaker(key = self.1), timeout("1s"), bulkhead(9);
    }

    #[tokio::test]
    async fn by_value() {
        let mut bare = None;
        macro_rules! each {
            ($($of:ident)*) => {$(
                same!(bare: $of::Shop(7, "shop").run(
                    loud("order"), loud("wild"), loud("pattern"), (loud("first"), loud("rest"))
                ).await.unwrap());
            )*};
        }
        each!(bare breaker retried limited in_places timed stacked);
        assert!(bare.unwrap().len() > 5);
    }
}

mod synchronous {
    use super::*;

    under_every_policy! {[order.0] (
        pub(super) fn run(&mut self, order: Loud, (first, _): (Loud, Loud), last: Loud) -> Result<usize, Rejection> {
            use std::fmt::{self, Write as _};
            let mut written = String::new();
            let done: fmt::Result = write!(written, "{self:?} {} {}", told!(self), here());
            done.unwrap();
            see(written);
            tracing::info!(?self, ?order, self.id = self.0, "what is logged");
            self.0 += 1;
            if self.0 > 100 {
                return Ok(0);
            }
            Ok(usize::from(self.0) + order.0.len() + first.0.len() + last.0.len() + self.1.len())
        }

        #[allow(dead_code)]
        fn other(&mut self, _: Loud, _: (Loud, Loud), _: Loud) -> Result<usize, Rejection> {
            unreachable!()
        }
    )}

    #[test]
    fn on_the_callers_thread() {
        let mut bare = None;
        macro_rules! each {
            ($($of:ident)*) => {$(
                same!(bare: $of::Shop(7, "shop").run(loud("order"), (loud("first"), loud("rest")), loud("last")).unwrap());
            )*};
        }
        each!(bare breaker retried limited in_places answered keyed stacked);
        assert!(bare.unwrap().len() > 5);
    }
}

/// Arguments that only their hygiene tells apart.
mod twins {
    use super::*;

    macro_rules! twins {
        ($name:ident, $x:ident, $($policy:tt)*) => {
            $($policy)*
            async fn $name(x: String, $x: String, (y, _): (String, u8)) -> Result<String, Rejection> {
                Ok(format!("{}-{}-{}", x, $x, y))
            }
        };
    }
    twins!(retried, x, #[retry(attempts = 2, delay = "0s")]);
    twins!(broken, x, #[circuit_breaker(key = x)]);
    twins!(timed, y, #[timeout("1s")] #[fallback(|_, _, _| Ok(String::new()))]);

    #[tokio::test]
    async fn stay_two() {
        let arguments = || ("a".to_owned(), "b".to_owned(), ("c".to_owned(), 1));
        let (a, b, c) = arguments();
        assert_eq!(retried(a, b, c).await.unwrap(), "a-b-c");
        let (a, b, c) = arguments();
        assert_eq!(broken(a, b, c).await.unwrap(), "a-b-c");
        let (a, b, c) = arguments();
        assert_eq!(timed(a, b, c).await.unwrap(), "a-b-c");
    }
}

/// As those of an `async fn` that returns at once are.
#[tokio::test]
async fn the_arguments_of_a_call_that_is_rejected_are_gone_when_it_has_ended() {
    #[circuit_breaker("as written: rejected")]
    async fn takes(held: Loud) -> Result<(), Rejection> {
        drop(held);
        Ok(())
    }
    takes(loud("first")).await.unwrap();
    registry().circuit_breaker("as written: rejected").unwrap().force_open();
    SEEN.take();
    let mut rejected = std::pin::pin!(takes(loud("second")));
    rejected.as_mut().await.unwrap_err();
    assert_eq!(SEEN.take(), ["second is dropped"]);
}

/// Not when the function is called, nor of a future that is dropped before it is polled.
#[tokio::test]
async fn a_key_is_asked_for_when_its_call_begins() {
    #[circuit_breaker("as written: by a key", key = { see("key"); held.0.len() })]
    async fn takes(held: Loud) -> Result<(), Rejection> {
        see("body");
        drop(held);
        Ok(())
    }
    drop(takes(loud("first")));
    assert_eq!(SEEN.take(), ["first is dropped"]);
    let call = takes(loud("second"));
    assert!(SEEN.take().is_empty());
    call.await.unwrap();
    assert_eq!(SEEN.take(), ["key", "body", "second is dropped"]);
    registry().circuit_breaker("as written: by a key").unwrap().force_open();
    let mut rejected = std::pin::pin!(takes(loud("third")));
    rejected.as_mut().await.unwrap_err();
    assert_eq!(SEEN.take(), ["key", "third is dropped"]);
}
