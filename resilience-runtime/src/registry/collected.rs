//! Every guarded function of the program: generated code puts each into a section of the binary, which the linker makes one slice of. A function with a circuit
//! breaker alone has a section of its own, in which it is the breaker's [`Site`]; all others are [`Operation`]s.
//!
//! | platform | the section is called | its ends are |
//! |---|---|---|
//! | ELF | as something of C could be, on illumos with `set_` before it | `__start_` and `__stop_` with that name behind them |
//! | Mach-O | by 16 characters at most | `section$start$` and `section$end$`, likewise |
//! | PE | with `$b` behind the name | statics of ours in `$a` and `$c`: the linker sorts by what is behind the `$` |
//!
//! All names end with the version, so that two versions in one program do not see each other. Two builds of one version would, and might not agree on what an
//! [`Operation`] is. So each puts a mark into one more section, and where that has two, nobody looks into the others.

use super::operation::{At, Layer, Operation, Site};
use crate::circuit_breaker::CircuitBreaker;
use crate::name::Name;
use crate::policy::Policy;
use once_cell::sync::Lazy;
use std::collections::HashMap;
use std::ptr;

#[cfg(not(any(
    windows,
    target_vendor = "apple",
    target_os = "android",
    target_os = "freebsd",
    target_os = "fuchsia",
    target_os = "illumos",
    target_os = "linux",
    target_os = "none",
    target_os = "openbsd",
    target_os = "psp",
    target_os = "uefi",
)))]
compile_error!("how this platform's linker collects the guarded functions of a program is not known");

/// Marks this build.
#[used]
#[cfg_attr(
    not(any(windows, target_vendor = "apple", target_os = "illumos", target_os = "uefi")),
    unsafe(link_section = "resilience_builds_0_1_0")
)]
#[cfg_attr(target_os = "illumos", unsafe(link_section = "set_resilience_builds_0_1_0"))]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__rsb_0_1_0,regular,no_dead_strip"))]
#[cfg_attr(any(windows, target_os = "uefi"), unsafe(link_section = ".resilience_builds_0_1_0$b"))]
#[allow(unsafe_code, reason = "the section has nothing else in it")]
static BUILD: usize = 1;

/// What a linker finds by itself.
#[cfg(not(any(windows, target_os = "uefi")))]
mod ends {
    use super::super::operation::{Operation, Site};
    use crate::circuit_breaker::CircuitBreaker;

    /// An end has no size.
    pub(super) const SIZE: usize = 0;

    /// Without it, a program that has none would not have the section.
    #[used]
    #[cfg_attr(
        not(any(target_vendor = "apple", target_os = "illumos")),
        unsafe(link_section = "resilience_runtime_0_1_0")
    )]
    #[cfg_attr(target_os = "illumos", unsafe(link_section = "set_resilience_runtime_0_1_0"))]
    #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__rsl_0_1_0,regular,no_dead_strip"))]
    #[allow(unsafe_code, reason = "it adds nothing to the section")]
    static NONE: [Operation; 0] = [];

    /// Likewise.
    #[used]
    #[cfg_attr(
        not(any(target_vendor = "apple", target_os = "illumos")),
        unsafe(link_section = "resilience_breakers_0_1_0")
    )]
    #[cfg_attr(target_os = "illumos", unsafe(link_section = "set_resilience_breakers_0_1_0"))]
    #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__rsk_0_1_0,regular,no_dead_strip"))]
    #[allow(unsafe_code, reason = "it adds nothing to the section")]
    static NO_BREAKER: [Site<CircuitBreaker>; 0] = [];

    // SAFETY: these are what the linker calls the ends of these sections, which are there. Their addresses are all that is asked for.
    #[allow(unsafe_code)]
    unsafe extern "Rust" {
        #[cfg_attr(
            not(any(target_vendor = "apple", target_os = "illumos")),
            link_name = "__start_resilience_runtime_0_1_0"
        )]
        #[cfg_attr(target_os = "illumos", link_name = "__start_set_resilience_runtime_0_1_0")]
        #[cfg_attr(target_vendor = "apple", link_name = "\x01section$start$__DATA$__rsl_0_1_0")]
        pub(super) static FIRST: [Operation; 0];

        #[cfg_attr(
            not(any(target_vendor = "apple", target_os = "illumos")),
            link_name = "__stop_resilience_runtime_0_1_0"
        )]
        #[cfg_attr(target_os = "illumos", link_name = "__stop_set_resilience_runtime_0_1_0")]
        #[cfg_attr(target_vendor = "apple", link_name = "\x01section$end$__DATA$__rsl_0_1_0")]
        pub(super) static LAST: [Operation; 0];

        #[cfg_attr(
            not(any(target_vendor = "apple", target_os = "illumos")),
            link_name = "__start_resilience_breakers_0_1_0"
        )]
        #[cfg_attr(target_os = "illumos", link_name = "__start_set_resilience_breakers_0_1_0")]
        #[cfg_attr(target_vendor = "apple", link_name = "\x01section$start$__DATA$__rsk_0_1_0")]
        pub(super) static FIRST_BREAKER: [Site<CircuitBreaker>; 0];

        #[cfg_attr(
            not(any(target_vendor = "apple", target_os = "illumos")),
            link_name = "__stop_resilience_breakers_0_1_0"
        )]
        #[cfg_attr(target_os = "illumos", link_name = "__stop_set_resilience_breakers_0_1_0")]
        #[cfg_attr(target_vendor = "apple", link_name = "\x01section$end$__DATA$__rsk_0_1_0")]
        pub(super) static LAST_BREAKER: [Site<CircuitBreaker>; 0];

        #[cfg_attr(
            not(any(target_vendor = "apple", target_os = "illumos")),
            link_name = "__start_resilience_builds_0_1_0"
        )]
        #[cfg_attr(target_os = "illumos", link_name = "__start_set_resilience_builds_0_1_0")]
        #[cfg_attr(target_vendor = "apple", link_name = "\x01section$start$__DATA$__rsb_0_1_0")]
        pub(super) static FIRST_BUILD: [usize; 0];

        #[cfg_attr(
            not(any(target_vendor = "apple", target_os = "illumos")),
            link_name = "__stop_resilience_builds_0_1_0"
        )]
        #[cfg_attr(target_os = "illumos", link_name = "__stop_set_resilience_builds_0_1_0")]
        #[cfg_attr(target_vendor = "apple", link_name = "\x01section$end$__DATA$__rsb_0_1_0")]
        pub(super) static LAST_BUILD: [usize; 0];
    }
}

/// What has to be put there. An end of no size would not be sure to stand where it should.
#[cfg(any(windows, target_os = "uefi"))]
#[allow(unsafe_code, reason = "each stands alone in its part of a section")]
mod ends {
    use super::super::operation::{Operation, Site};
    use crate::circuit_breaker::CircuitBreaker;
    use std::mem::MaybeUninit;

    /// An end is as large as what is between.
    pub(super) const SIZE: usize = 1;

    #[unsafe(link_section = ".resilience_runtime_0_1_0$a")]
    pub(super) static FIRST: MaybeUninit<Operation> = MaybeUninit::uninit();
    #[unsafe(link_section = ".resilience_runtime_0_1_0$c")]
    pub(super) static LAST: MaybeUninit<Operation> = MaybeUninit::uninit();
    #[unsafe(link_section = ".resilience_breakers_0_1_0$a")]
    pub(super) static FIRST_BREAKER: MaybeUninit<Site<CircuitBreaker>> = MaybeUninit::uninit();
    #[unsafe(link_section = ".resilience_breakers_0_1_0$c")]
    pub(super) static LAST_BREAKER: MaybeUninit<Site<CircuitBreaker>> = MaybeUninit::uninit();
    #[unsafe(link_section = ".resilience_builds_0_1_0$a")]
    pub(super) static FIRST_BUILD: usize = 0;
    #[unsafe(link_section = ".resilience_builds_0_1_0$c")]
    pub(super) static LAST_BUILD: usize = 0;
}

/// What is between two ends of a section: where it begins, and how many there are.
fn between<T>(first: *const T, last: *const T) -> (*const T, usize) {
    let first = first.wrapping_add(ends::SIZE);
    (first, (last.addr() - first.addr()) / size_of::<T>())
}

/// In the linker's order: those with a static of their own, and the breakers that are all that there is of the others.
fn collected() -> (&'static [Operation], &'static [Site<CircuitBreaker>]) {
    let (_, builds) = between((&raw const ends::FIRST_BUILD).cast::<usize>(), (&raw const ends::LAST_BUILD).cast());
    assert!(
        builds <= 1,
        "there are {builds} builds of resilience-runtime {} in this program",
        env!("CARGO_PKG_VERSION")
    );
    let (operation, operations) = between((&raw const ends::FIRST).cast(), (&raw const ends::LAST).cast());
    let (breaker, breakers) = between((&raw const ends::FIRST_BREAKER).cast(), (&raw const ends::LAST_BREAKER).cast());
    // SAFETY: the linker has put whole statics one behind the other there. `operation!` has made all of the first section and `lone_breaker!` all of the
    // second, and so they are `Operation`s and breakers' sites of this build. They stay for as long as the program does, and what changes in a site is in
    // cells. That they are behind the end, and not in it, is hidden from the compiler, which would not have them looked for there.
    #[allow(unsafe_code)]
    unsafe {
        (
            std::slice::from_raw_parts(std::hint::black_box(operation), operations),
            std::slice::from_raw_parts(std::hint::black_box(breaker), breakers),
        )
    }
}

/// The functions with a breaker alone, by the addresses of its sites.
fn lone_operations() -> &'static HashMap<usize, Operation> {
    static LONE: Lazy<HashMap<usize, Operation>> = Lazy::new(|| {
        let (_, breakers) = collected();
        let made = breakers.iter().filter_map(|site| match site.at() {
            At::Alone(own) => {
                let layers = Box::leak(Box::new([Layer::CircuitBreaker(site)]));
                let operation = Operation::new(own.module(), own.function(), own.file(), own.line(), layers);
                Some((ptr::from_ref(site).addr(), operation))
            }
            At::Operation(_) => None,
        });
        made.collect()
    });
    &LONE
}

/// The function of a site. A library that is linked dynamically has sections of its own, where nobody looks: its functions are not among those that are known
/// beforehand, and such a breaker knows no more of its function than where it is.
pub(super) fn operation_of<P: Policy>(site: &'static Site<P>) -> &'static Operation {
    match site.at() {
        At::Operation(operation) => operation,
        At::Alone(own) => lone_operations().get(&ptr::from_ref(site).addr()).unwrap_or(own),
    }
}

/// By crate, file and line.
pub(super) fn in_order() -> &'static [&'static Operation] {
    static IN_ORDER: Lazy<Vec<&'static Operation>> = Lazy::new(|| {
        let (operations, breakers) = collected();
        let mut operations: Vec<&'static Operation> =
            operations.iter().chain(breakers.iter().map(operation_of)).collect();
        operations.sort_by_key(|operation| (operation.crate_name(), operation.file(), operation.line()));
        operations
    });
    &IN_ORDER
}

impl Operation {
    /// The name by which it is shown.
    #[doc(hidden)]
    pub fn shown_name(&'static self) -> Name {
        Name::from(self.shown_as())
    }

    /// [`path`](Self::path), with the line where several functions of the program share it, and a number where a macro has put several of those on one
    /// line: no two functions are shown alike.
    pub(super) fn shown_as(&'static self) -> String {
        type Alike = HashMap<(&'static str, &'static str), Vec<&'static Operation>>;
        static ALIKE: Lazy<Alike> = Lazy::new(|| {
            let mut alike = Alike::new();
            for operation in in_order() {
                alike.entry((operation.module(), operation.function())).or_default().push(operation);
            }
            alike
        });
        let alike = ALIKE.get(&(self.module(), self.function())).map_or(&[][..], Vec::as_slice);
        if alike.len() < 2 {
            return self.path();
        }
        let of_line = alike.iter().filter(|other| other.line() == self.line());
        match of_line.take_while(|other| !std::ptr::eq(**other, self)).count() {
            0 => format!("{}@{}", self.path(), self.line()),
            before => format!("{}@{}.{}", self.path(), self.line(), before + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resilience_config::CircuitBreakerConfig;

    #[test]
    fn the_sections_are_called_by_the_version() {
        let version = format!("_{}", env!("CARGO_PKG_VERSION").replace('.', "_"));
        let (here, _) = include_str!("collected.rs").split_once("#[cfg(test)]").unwrap();
        let names =
            [here, include_str!("../private.rs")].map(|code| code.split('"').skip(1).step_by(2)).into_iter().flatten();
        let names = names.filter(|text| ["resilience_", "__rs"].iter().any(|part| text.contains(part)));
        let (right, wrong): (Vec<_>, Vec<_>) = names.partition(|name| name.contains(&version));
        assert_eq!((right.len(), wrong.len()), (42, 0), "{wrong:?}");
    }

    #[test]
    fn a_breaker_of_a_library_that_was_linked_dynamically_knows_its_function_too() {
        static SITE: Site<CircuitBreaker> =
            Site::alone("library::shop", "charge", "src/shop.rs", 7, None, CircuitBreakerConfig::NOTHING, false);
        let operation = SITE.operation();
        assert_eq!((operation.path(), operation.location()), ("library::shop::charge".into(), "src/shop.rs:7".into()));
        assert!(ptr::eq(operation, SITE.operation()), "there is one");
        assert!(!in_order().iter().any(|known| ptr::eq(*known, operation)));
    }
}
