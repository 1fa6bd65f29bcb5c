//! Breakers over a restart. A process is a scope here: what is saved in one is restored in another.

use proptest::prelude::*;
use resilience_runtime::testing::{Scope, Script};
use resilience_runtime::{
    CircuitBreaker, CircuitBreakerBuilder, MAX_STATE_BYTES, Mode, NextCall, OpenReason, Rejection, RestoreError,
    Restored, SaveError, State, Window, circuit_breaker, registry,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

/// A directory with the file in it.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("breakers")
    }

    fn read(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    fn write(&self, bytes: &[u8]) {
        std::fs::write(self.path(), bytes).unwrap();
    }

    fn json(&self) -> Value {
        let bytes = self.read();
        let end = bytes.iter().position(|&byte| byte == b'\n').unwrap();
        serde_json::from_slice(&bytes[end + 1..]).unwrap()
    }

    /// As another process would have written it.
    fn write_json(&self, body: &Value) {
        self.write(&with_header(body.to_string().as_bytes()));
    }

    /// As if it had been saved so long ago, in milliseconds; a negative time is what a clock shows that was set back.
    fn age(&self, millis: i64) {
        let mut body = self.json();
        let saved_at = body["saved_at"].as_i64().unwrap();
        body["saved_at"] = (saved_at - millis).into();
        self.write_json(&body);
    }

    /// Saves as if time stood still until somebody restores.
    fn save(&self) -> usize {
        let count = registry().save(self.path()).unwrap();
        self.age(-3_600_000);
        count
    }

    fn restore(&self) -> Restored {
        registry().restore(self.path()).unwrap()
    }
}

/// The format, written down a second time.
fn with_header(body: &[u8]) -> Vec<u8> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in body {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    [format!("resilience-breakers 2 {hash:016x} {}\n", body.len()).as_bytes(), body].concat()
}

fn builder(name: &'static str) -> CircuitBreakerBuilder {
    let builder = CircuitBreaker::builder(name).window(Window::None).consecutive_failures(2).half_open_calls(1);
    builder.open_for(30 * SECOND).open_backoff(2.0)
}

fn breaker(name: &'static str) -> Arc<CircuitBreaker> {
    builder(name).register().unwrap()
}

fn open(breaker: &CircuitBreaker) {
    for _ in 0..2 {
        breaker.try_acquire().unwrap().failure();
    }
    assert!(breaker.snapshot().decided == State::Open);
}

fn retry_after(breaker: &CircuitBreaker) -> Duration {
    breaker.try_acquire().unwrap_err().retry_after().unwrap()
}

fn names(instances: &[resilience_runtime::Instance]) -> Vec<String> {
    instances.iter().map(|instance| instance.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_goes_on_where_it_was_with_its_reason() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        let payment = breaker("payment");
        open(&payment);
        breaker("stock").try_acquire().unwrap().success();
        advance(12 * SECOND).await;
        assert_eq!(place.save(), 1, "a closed one is not worth a word");
    }
    let scope = Scope::new();
    let _entered = scope.enter();
    let payment = breaker("payment");
    let restored = place.restore();
    assert_eq!(
        (names(&restored.applied), restored.pending.len(), restored.skipped.len()),
        (vec!["payment".to_owned()], 0, 0)
    );
    assert_eq!(restored.away, Duration::ZERO);
    let rejection = payment.try_acquire().unwrap_err();
    let expected = "circuit breaker `payment` is open: 2 consecutive failures; try again in 18s";
    assert_eq!(rejection.to_string(), expected);
    assert_eq!(payment.totals().failures, 0, "totals are this process's");
    assert_eq!(scope.transitions("payment"), [(State::Closed, State::Open)]);
    advance(18 * SECOND).await;
    payment.try_acquire().unwrap().success();
    assert_eq!(payment.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn time_that_passed_meanwhile_counts_and_one_whose_time_is_over_probes() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        open(&breaker("payment"));
        registry().save(place.path()).unwrap();
    }
    let left_after = |aged: i64| {
        place.age(aged);
        let _entered = Scope::new().enter();
        let payment = breaker("payment");
        place.restore();
        let left = payment.snapshot().probe_due_in;
        place.age(-aged);
        (left.unwrap(), payment.next_call())
    };
    let (left, _) = left_after(10_000);
    assert!((19 * SECOND..=20 * SECOND).contains(&left), "{left:?}");
    let probe = NextCall::Probe { reason: OpenReason::ConsecutiveFailures { failures: 2 } };
    assert_eq!(left_after(31_000), (Duration::ZERO, probe.clone()));
    assert_eq!(left_after(i64::from(i32::MAX)), (Duration::ZERO, probe), "three weeks");
    let (left, _) = left_after(-1_000_000);
    assert_eq!(left, 30 * SECOND, "a clock that was set back has not run at all");
}

#[tokio::test(start_paused = true)]
async fn the_time_away_is_held_to_max_open_for() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        // Jitter comes on top of the cap, so that an opening can outlast it.
        let builder = builder("payment").max_open_for(30 * SECOND).open_jitter(1.0);
        open(&builder.register().unwrap());
        place.save();
    }
    let mut body = place.json();
    body["breakers"][0]["jitter"] = 0xffff.into();
    body["saved_at"] = 0.into();
    place.write_json(&body);
    let _entered = Scope::new().enter();
    let payment = builder("payment").max_open_for(30 * SECOND).open_jitter(1.0).register().unwrap();
    place.restore();
    assert_eq!(retry_after(&payment), 30 * SECOND, "of the sixty, half a century took thirty");
}

#[circuit_breaker("persistence: guarded", consecutive_failures = 1, window = none, open_for = "30s")]
async fn guarded(dependency: &Script<u32, Rejection>) -> Result<u32, Rejection> {
    dependency.call().await
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_there_yet_gets_its_state_before_its_first_call() {
    let place = Place::new();
    let down = Script::new().err(Rejection::BulkheadFull { name: "elsewhere".into(), key: None });
    {
        let _entered = Scope::new().enter();
        guarded(&down).await.unwrap_err();
        place.save();
    }
    let scope = Scope::new();
    let _entered = scope.enter();
    let restored = place.restore();
    assert_eq!((names(&restored.pending), restored.applied.len()), (vec!["persistence: guarded".to_owned()], 0));
    assert!(registry().circuit_breaker("persistence: guarded").is_none());
    advance(10 * SECOND).await;
    let never_called = Script::new();
    let Err(Rejection::CircuitOpen { retry_after, .. }) = guarded(&never_called).await else { panic!("it is open") };
    assert_eq!(retry_after, Some(20 * SECOND), "time goes on while it waits to be built");
    scope.assert_state("persistence: guarded", State::Open);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_shown_as_it_will_be_with_its_keys() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        let stock = breaker("stock");
        for _ in 0..2 {
            stock.keyed(7).try_acquire().unwrap().failure();
        }
        open(&stock);
        assert_eq!(place.save(), 2);
    }
    let _entered = Scope::new().enter();
    place.restore();
    let pending = registry().snapshot().pending;
    let shown: Vec<_> = pending.iter().map(|waits| (waits.name.as_str(), waits.key.as_deref(), waits.state)).collect();
    assert_eq!(shown, [("stock", None, State::Open), ("stock", Some("7"), State::Open)]);
    breaker("stock");
    assert!(registry().snapshot().pending.is_empty());
}

/// A breaker that two functions name, and one with keys that two functions name.
mod named_twice {
    use super::*;

    pub const KEYS: u32 = 40;

    #[circuit_breaker("persistence: charged", consecutive_failures = 1, window = none, open_for = "1h")]
    pub fn charge(fails: bool) -> Result<(), Rejection> {
        if fails { Err(Rejection::BulkheadFull { name: "elsewhere".into(), key: None }) } else { Ok(()) }
    }

    #[circuit_breaker("persistence: charged")]
    pub fn refund() -> Result<(), Rejection> {
        Ok(())
    }

    #[circuit_breaker("persistence: reserved", consecutive_failures = 1, window = none, open_for = "1h", key = key)]
    pub fn reserve(key: u32, fails: bool) -> Result<(), Rejection> {
        if fails { Err(Rejection::BulkheadFull { name: "elsewhere".into(), key: None }) } else { Ok(()) }
    }

    #[circuit_breaker("persistence: reserved", key = key)]
    pub fn release(key: u32) -> Result<(), Rejection> {
        Ok(())
    }
}

#[test]
fn who_is_second_to_call_one_that_was_restored_finds_it_restored() {
    use named_twice::{KEYS, charge, refund, release, reserve};
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        charge(true).unwrap_err();
        (0..KEYS).for_each(|key| drop(reserve(key, true)));
        assert_eq!(place.save(), 1 + KEYS as usize);
    }
    let of_first: [fn() -> bool; 2] = [|| charge(false).is_err(), || reserve(0, false).is_err()];
    let of_second: [fn() -> bool; 2] = [|| refund().is_err(), || release(KEYS - 1).is_err()];
    for round in 0..400_usize {
        let scope = Scope::new();
        let _entered = scope.enter();
        assert_eq!(place.restore().pending.len(), 1 + KEYS as usize);
        let (first, second) = (of_first[round % 2], of_second[round % 2]);
        let barrier = std::sync::Barrier::new(2);
        let beside = |call: fn() -> bool, later: usize| {
            let _entered = scope.enter();
            barrier.wait();
            // It comes while the other one builds, sooner or later.
            (0..later).for_each(|_| std::hint::spin_loop());
            call()
        };
        let rejected = std::thread::scope(|threads| {
            let second = threads.spawn(|| beside(second, round * 100));
            (beside(first, 0), second.join().unwrap())
        });
        assert_eq!(rejected, (true, true), "round {round}");
        assert!(of_first[round % 2]() && of_second[round % 2](), "round {round}: its state is still known");
    }
}

#[circuit_breaker(consecutive_failures = 1, window = none, open_for = "30s")]
async fn without_a_name(dependency: &Script<u32, Rejection>) -> Result<u32, Rejection> {
    dependency.call().await
}

#[tokio::test(start_paused = true)]
async fn one_without_a_name_is_known_by_its_function() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        let down = Script::new().err(Rejection::BulkheadFull { name: "elsewhere".into(), key: None });
        without_a_name(&down).await.unwrap_err();
        place.save();
    }
    let _entered = Scope::new().enter();
    assert_eq!(names(&place.restore().pending), ["persistence::without_a_name"]);
    without_a_name(&Script::new()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_something_has_happened_to_is_left_alone() {
    let place = Place::new();
    let all = ["called", "disabled", "forced", "monitored", "opened", "untouched"];
    {
        let _entered = Scope::new().enter();
        let _ = all.map(|name| open(&breaker(name)));
        assert_eq!(place.save(), 6);
    }
    let _entered = Scope::new().enter();
    let [called, disabled, forced, monitored, opened, _] = all.map(breaker);
    called.try_acquire().unwrap().success();
    disabled.disable();
    forced.force_open();
    monitored.monitor();
    open(&opened);
    let restored = place.restore();
    assert_eq!(names(&restored.applied), ["untouched"]);
    assert_eq!(names(&restored.pending), [""; 0], "those that were left alone do not wait for anything");
    let (called_already, changed) = ("it has made calls already", "its state was changed already");
    let skipped: Vec<_> =
        restored.skipped.iter().map(|(instance, why)| (&*instance.to_string().leak(), *why)).collect();
    let expected = [
        ("called", called_already),
        ("disabled", changed),
        ("forced", changed),
        ("monitored", changed),
        ("opened", called_already),
    ];
    assert_eq!(skipped, expected);
    let states = [&called, &disabled, &forced, &monitored].map(|breaker| breaker.state());
    assert_eq!(states, [State::Closed, State::Disabled, State::ForcedOpen, State::Monitoring]);
    let again = place.restore();
    assert_eq!((again.applied.len(), again.skipped.len()), (0, 6), "what was restored is not restored again");
    assert!(again.skipped.contains(&("untouched".into(), changed)), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_done_by_hand_is_kept_and_what_is_configured_is_not() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        breaker("forced").force_open();
        breaker("disabled").disable();
        breaker("monitored").monitor();
        let monitored_open = breaker("monitored, open");
        monitored_open.monitor();
        open(&monitored_open);
        builder("monitors by its mode").mode(Mode::Monitor).register().unwrap();
        builder("off by its mode").mode(Mode::Off).register().unwrap();
        builder("enforces by hand").mode(Mode::Off).register().unwrap().enforce();
        assert_eq!(place.save(), 5);
    }
    let _entered = Scope::new().enter();
    let names = ["forced", "disabled", "monitored", "monitored, open"];
    let breakers = names.map(breaker);
    let enforces = builder("enforces by hand").mode(Mode::Off).register().unwrap();
    assert_eq!(place.restore().applied.len(), 5);
    let states = breakers.each_ref().map(|breaker| breaker.state());
    assert_eq!(states, [State::ForcedOpen, State::Disabled, State::Monitoring, State::Monitoring]);
    assert_eq!(breakers[3].snapshot().decided, State::Open);
    assert_eq!(enforces.state(), State::Closed);
    breakers[3].enforce();
    assert_eq!(retry_after(&breakers[3]), 30 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_a_configuration_file_forces_open_it_may_say_again() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        let lines = "[circuit_breaker]\n\"by file\".force_open = true\n\"then off\".force_open = true\nstock.key.7.force_open = true";
        registry().configure_from_str(lines).unwrap();
        assert_eq!(breaker("by file").state(), State::ForcedOpen);
        breaker("by hand").force_open();
        breaker("then off").disable();
        let stock = breaker("stock");
        assert!([7, 8].map(|key| stock.keyed(key).try_acquire().is_err()) == [true, false]);
        assert_eq!(place.save(), 2, "what somebody has done to one since is not what the file says");
    }
    let _entered = Scope::new().enter();
    let breakers = ["by file", "by hand", "then off"].map(breaker);
    place.restore();
    assert_eq!(breakers.map(|breaker| breaker.state()), [State::Closed, State::ForcedOpen, State::Disabled]);
    assert!(breaker("stock").keyed(7).try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_share_of_enforcement_is_kept() {
    let place = Place::new();
    let rejected = |breaker: &CircuitBreaker| (0..100).filter(|_| breaker.try_acquire().is_err()).count();
    {
        let _entered = Scope::new().enter();
        let share = |breaker: Arc<CircuitBreaker>, percent| {
            breaker.steer().enforce_share(percent).unwrap();
            breaker
        };
        share(breaker("closed"), 10);
        open(&share(breaker("open"), 20));
        // Without its share it would enforce everything, where its mode would reject nothing.
        open(&share(builder("monitors by its mode").mode(Mode::Monitor).register().unwrap(), 30));
        let keyed = share(breaker("keyed"), 40);
        keyed.keyed(7).try_acquire().unwrap().success();
        share(keyed.of_key("7").unwrap(), 50);
        keyed.keyed(8).try_acquire().unwrap().success();
        share(breaker("all of it again"), 60).enforce();
        assert_eq!(place.save(), 5, "key 8 follows its name");
    }
    let _entered = Scope::new().enter();
    let breakers = ["closed", "open", "keyed"].map(breaker);
    let monitors = builder("monitors by its mode").mode(Mode::Monitor).register().unwrap();
    assert_eq!(place.restore().applied.len(), 5);
    let shares = breakers.each_ref().map(|breaker| breaker.snapshot().enforced_percent);
    assert_eq!((shares, monitors.snapshot().enforced_percent), ([10, 20, 40], 30));
    assert_eq!((rejected(&breakers[1]), rejected(&monitors)), (20, 30));
    let [_, _, keyed] = breakers;
    keyed.keyed(8).try_acquire().unwrap().success();
    let of_key = |key: &str| keyed.of_key(key).unwrap().snapshot().enforced_percent;
    assert_eq!((of_key("7"), of_key("8")), (50, 40));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_its_state_already_does_not_enter_it_anew() {
    let place = Place::new();
    let forced = json!({"name": "forced", "key": "7", "phase": "forced_open"});
    let shared = json!({"name": "shared", "phase": "closed", "share": 50});
    place.write_json(&json!({"saved_at": 0, "breakers": [forced, shared]}));
    let _entered = Scope::new().enter();
    let (all, shared) = (breaker("forced"), breaker("shared"));
    all.force_open();
    tokio::time::advance(10 * SECOND).await;
    let mut events = registry().subscribe();
    assert_eq!(place.restore().applied.len(), 2);
    let of_key = all.of_key("7").unwrap();
    assert_eq!((of_key.state(), shared.state()), (State::ForcedOpen, State::Closed));
    assert_eq!((shared.snapshot().age, shared.snapshot().enforced_percent), (10 * SECOND, 50));
    let told: Vec<_> =
        std::iter::from_fn(|| events.try_recv()).filter(|event| event.name() == Some(&"shared".into())).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_can_have_no_breaker_is_skipped_with_the_reason() {
    let place = Place::new();
    let saved = |bytes: usize| json!({"name": "stock", "key": "k".repeat(bytes), "phase": "forced_open"});
    place.write_json(&json!({"saved_at": 0, "breakers": [saved(1024), saved(1025)]}));
    let _entered = Scope::new().enter();
    let stock = breaker("stock");
    let restored = place.restore();
    let skipped: Vec<_> = restored.skipped.iter().map(|(_, why)| *why).collect();
    assert_eq!((restored.applied.len(), skipped), (1, vec!["its key is too long"]));
    assert_eq!(stock.snapshot().keys.unwrap().held, 1);
}

#[tokio::test(start_paused = true)]
async fn a_share_that_was_set_already_stays() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        open(&breaker("payment"));
        place.save();
    }
    let _entered = Scope::new().enter();
    let payment = breaker("payment");
    payment.steer().enforce_share(10).unwrap();
    assert_eq!(place.restore().skipped, [("payment".into(), "its state was changed already")]);
    assert_eq!((payment.state(), payment.snapshot().enforced_percent), (State::Closed, 10));
}

#[tokio::test(start_paused = true)]
async fn a_mode_that_has_changed_since_wins() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        let _ = ["enforces", "off"].map(|name| open(&breaker(name)));
        builder("off by hand").mode(Mode::Monitor).register().unwrap().disable();
        place.save();
    }
    let _entered = Scope::new().enter();
    let monitors = builder("enforces").mode(Mode::Monitor).register().unwrap();
    let off = builder("off").mode(Mode::Off).register().unwrap();
    let by_hand = builder("off by hand").mode(Mode::Off).register().unwrap();
    let restored = place.restore();
    by_hand.reset();
    assert_eq!(by_hand.state(), State::Disabled);
    assert_eq!((monitors.state(), monitors.snapshot().decided), (State::Monitoring, State::Open));
    let now_off = ["off", "off by hand"].map(|name| (name.into(), "it is turned off now"));
    assert_eq!((off.state(), restored.skipped), (State::Disabled, now_off.to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_half_open_one_probes_at_once_and_its_step_of_backoff_is_kept() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        let payment = breaker("payment");
        open(&payment);
        advance(30 * SECOND).await;
        payment.try_acquire().unwrap().failure();
        advance(60 * SECOND).await;
        let _hangs = payment.try_acquire().unwrap();
        assert_eq!(payment.state(), State::HalfOpen);
        place.save();
    }
    let _entered = Scope::new().enter();
    let payment = breaker("payment");
    place.restore();
    assert_eq!(payment.snapshot().reopenings, 1);
    payment.try_acquire().unwrap().failure();
    assert_eq!(retry_after(&payment), 120 * SECOND, "30, 60, 120");
    // By hand, the time of an opening may have been left there.
    let mut body = place.json();
    body["breakers"][0]["own_millis"] = 600_000.into();
    place.write_json(&body);
    let _entered = Scope::new().enter();
    let payment = breaker("payment");
    place.restore();
    assert!(payment.try_acquire().is_ok(), "it is the next probe");
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_state_again() {
    let place = Place::new();
    let fail = |breaker: &CircuitBreaker, key: &str| {
        for _ in 0..2 {
            breaker.keyed(key).try_acquire().unwrap().failure();
        }
    };
    let long = "k".repeat(200);
    {
        let _entered = Scope::new().enter();
        let stock = breaker("stock/of all");
        fail(&stock, "7");
        fail(&stock, &long);
        stock.keyed("8").try_acquire().unwrap().success();
        assert_eq!(place.save(), 2);
    }
    let _entered = Scope::new().enter();
    assert_eq!(place.restore().pending.len(), 2);
    assert!(registry().snapshot().pending.iter().all(|pending| pending.key.is_some()), "of its own it has nothing");
    let stock = breaker("stock/of all");
    assert_eq!(stock.snapshot().keys.unwrap().held, 2);
    for key in ["7", &long] {
        assert_eq!(stock.keyed(key).try_acquire().unwrap_err().retry_after(), Some(30 * SECOND));
    }
    stock.keyed("8").try_acquire().unwrap().success();
    stock.try_acquire().unwrap().success();
}

#[tokio::test(start_paused = true)]
async fn no_more_keys_than_there_may_be_and_those_in_use_are_left_alone() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        let stock = breaker("stock");
        for key in 0..5 {
            stock.keyed(key).try_acquire().unwrap().failure();
            stock.keyed(key).try_acquire().unwrap().failure();
        }
        place.save();
    }
    let _entered = Scope::new().enter();
    let stock = builder("stock").max_keys(3).register().unwrap();
    stock.keyed(2).try_acquire().unwrap().failure();
    let restored = place.restore();
    assert_eq!(stock.snapshot().keys.unwrap().held, 3);
    // The third place is that of a closed breaker, which makes room as for any new key.
    assert_eq!(names(&restored.applied), ["stock[0]", "stock[1]", "stock[3]"]);
    let skipped: Vec<_> =
        restored.skipped.iter().map(|(instance, why)| (&*instance.to_string().leak(), *why)).collect();
    assert_eq!(skipped, [("stock[2]", "it has made calls already"), ("stock[4]", "there is no slot left for its key")]);
}

#[tokio::test(start_paused = true)]
async fn all_keys_forced_by_hand_are_forced_again() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        let stock = breaker("stock");
        stock.keyed(7).try_acquire().unwrap().success();
        stock.force_open();
        assert_eq!(place.save(), 2);
    }
    let _entered = Scope::new().enter();
    let stock = breaker("stock");
    assert_eq!(place.restore().applied.len(), 2);
    for key in [7, 8] {
        assert!(stock.keyed(key).try_acquire().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn restoring_again_replaces_what_was_waiting() {
    let (one, other) = (Place::new(), Place::new());
    for (place, name) in [(&one, "payment"), (&other, "stock")] {
        let _entered = Scope::new().enter();
        open(&breaker(name));
        place.save();
    }
    let _entered = Scope::new().enter();
    one.restore();
    other.restore();
    assert_eq!((breaker("payment").state(), breaker("stock").state()), (State::Closed, State::Open));
}

/// A file that is moved there would take the place of a device for good: saved to `/dev/null`, nothing else could write there any more.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    let place = Place::new();
    let _socket = std::os::unix::net::UnixListener::bind(place.path()).unwrap();
    let error = registry().save(place.path()).unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(cause.as_deref(), Some("there is something else than a file"), "{error}");
    assert!(!std::fs::symlink_metadata(place.path()).unwrap().is_file());
    let entries = std::fs::read_dir(place.directory.path()).unwrap().count();
    assert_eq!(entries, 1, "no file beside its place is left");
}

#[test]
fn a_file_is_replaced_whole_and_nothing_else_is_left_behind() {
    let place = Place::new();
    let _entered = Scope::new().enter();
    breaker("payment").force_open();
    for _ in 0..2 {
        registry().save(place.path()).unwrap();
    }
    let entries = |path: &Path| std::fs::read_dir(path).unwrap().count();
    assert_eq!(entries(place.directory.path()), 1);

    // A path of one word is in the directory of the process.
    let here = tempfile::NamedTempFile::new_in(".").unwrap();
    let word = here.path().file_name().unwrap();
    assert_eq!(registry().save(word).unwrap(), 1);
    registry().restore(here.path()).unwrap();

    let error = registry().save(place.directory.path().join("nowhere/breakers")).unwrap_err();
    assert!(matches!(error, SaveError::Io { .. }), "{error}");
    let taken = place.directory.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    let error = registry().save(&taken).unwrap_err();
    assert!(error.to_string().starts_with("the breakers' states could not be saved to "), "{error}");
    assert!(std::error::Error::source(&error).is_some(), "what the system said");
    let error = registry().restore(&taken).unwrap_err();
    assert!(std::error::Error::source(&error).is_some(), "{error}");
    assert_eq!(entries(place.directory.path()), 2, "no file beside its place is left");
}

#[test]
fn what_is_not_as_it_was_written_is_refused_with_a_reason() {
    let place = Place::new();
    let _entered = Scope::new().enter();
    breaker("payment").force_open();
    registry().save(place.path()).unwrap();
    let whole = place.read();
    let refused = |bytes: &[u8]| {
        place.write(bytes);
        registry().restore(place.path()).unwrap_err()
    };
    let text = |bytes: &[u8]| {
        let error = refused(bytes).to_string();
        let (path, what) = (place.path().display().to_string(), "is damaged: ");
        error.strip_prefix(&path).unwrap().trim_start().strip_prefix(what).unwrap().to_owned()
    };
    assert_eq!(text(b""), "it has no header");
    assert_eq!(text(&[b'x'; 500]), "it has no header");
    assert_eq!(text(b"resilience-\xff\n"), "its header is no text");
    assert_eq!(text(b"[defaults]\n"), "it does not begin as saved states do");
    assert_eq!(text(b"resilience-breakers\n"), "it has no version");
    assert_eq!(text(b"resilience-breakers 2 0\n"), "its header is not as it was written");
    let cut = text(&whole[..whole.len() - 7]);
    assert!(cut.starts_with("it has ") && cut.ends_with(" were written"), "{cut}");
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(text(&flipped), "its checksum is another one");
    let longer = text(&[&*whole, b"\n"].concat());
    assert!(longer.starts_with("it has ") && longer.ends_with(" were written"), "{longer}");
    assert!(text(&with_header(b"{}")).starts_with("missing field `saved_at`"));
    let long = "x".repeat(129);
    for (names, first) in [(["", &long], ""), ([&long, ""], &long)] {
        let breakers = names.map(|name| json!({"name": name, "phase": "open"}));
        let unnamed = json!({"saved_at": 0, "breakers": breakers});
        assert_eq!(text(&with_header(unnamed.to_string().as_bytes())), format!("`{first}` is no name"));
    }

    // Where the compiler has made the name, it may be longer than one that is written.
    let made = format!("crate::{long}");
    let body = json!({"saved_at": 0, "breakers": [{"name": made, "phase": "open"}]});
    place.write(&with_header(body.to_string().as_bytes()));
    assert_eq!(names(&place.restore().pending), [made]);

    let older = refused(&[b"resilience-breakers 0".as_slice(), &whole[21..]].concat());
    assert!(matches!(older, RestoreError::Version { found: 0, .. }), "{older}");
    let error = refused(b"resilience-breakers 1 0 0\n");
    assert!(matches!(error, RestoreError::Version { found: 1, .. }), "{error}");
    assert!(error.to_string().ends_with("has version 1, and only version 2 is understood"), "{error}");
    let large = std::fs::File::create(place.path()).unwrap();
    large.set_len(MAX_STATE_BYTES as u64 + 1).unwrap();
    assert!(matches!(registry().restore(place.path()), Err(RestoreError::TooLarge { .. })));
    std::fs::remove_file(place.path()).unwrap();
    assert!(matches!(registry().restore(place.path()), Err(RestoreError::Missing { .. })));
    assert!(matches!(registry().restore(place.directory.path()), Err(RestoreError::Io { .. })));
}

#[test]
fn a_file_may_be_as_large_as_is_said_and_no_larger() {
    let place = Place::new();
    let _entered = Scope::new().enter();
    let body = br#"{"saved_at":0,"breakers":[]}"#.to_vec();
    let of_size = |bytes: usize| {
        let mut body = body.clone();
        // The header says the length, which has eight digits.
        body.resize(bytes - "resilience-breakers 1 0123456789abcdef 12345678\n".len(), b' ');
        let file = with_header(&body);
        assert_eq!(file.len(), bytes);
        place.write(&file);
        registry().restore(place.path())
    };
    assert_eq!(of_size(MAX_STATE_BYTES).unwrap().pending.len(), 0);
    assert!(matches!(of_size(MAX_STATE_BYTES + 1), Err(RestoreError::TooLarge { .. })));
}

#[test]
fn no_more_is_saved_than_can_be_read_again() {
    let place = Place::new();
    // A control character is six bytes in the file, so a key has six thousand.
    let forced_open = |keys: u32| {
        let breaker = CircuitBreaker::builder("large").max_keys(10_000).register().unwrap();
        for nth in 0..keys {
            let key = format!("{nth:08}{}", "\u{1}".repeat(1016));
            breaker.keyed(key).try_acquire().unwrap().success();
        }
        breaker.force_open();
    };
    {
        let _entered = Scope::new().enter();
        forced_open(5000);
        assert_eq!(registry().save(place.path()).unwrap(), 5001);
    }
    let saved = place.read();
    assert!((MAX_STATE_BYTES - 4_000_000..MAX_STATE_BYTES).contains(&saved.len()), "{}", saved.len());
    {
        let _entered = Scope::new().enter();
        forced_open(5700);
        let error = registry().save(place.path()).unwrap_err();
        assert!(matches!(error, SaveError::TooLarge { bytes } if bytes > MAX_STATE_BYTES), "{error}");
    }
    assert!(place.read() == saved, "what was there before stays");
    let _entered = Scope::new().enter();
    assert_eq!(registry().restore(place.path()).unwrap().pending.len(), 5001);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_told_to_monitor_enforces_all_once_it_is_told_to_enforce_again() {
    let place = Place::new();
    {
        let _entered = Scope::new().enter();
        breaker("payment").monitor();
        place.save();
    }
    assert_eq!(place.json()["breakers"][0]["share"], Value::Null, "to monitor is no share");
    let _entered = Scope::new().enter();
    let payment = breaker("payment");
    place.restore();
    payment.enforce();
    assert_eq!((payment.state(), payment.snapshot().enforced_percent), (State::Closed, 100));
    open(&payment);
    payment.try_acquire().unwrap_err();
}

/// What there is to see of this file's breakers.
fn states() -> Vec<(String, State, u64)> {
    let all = registry().circuit_breakers();
    all.map(|breaker| (breaker.name().to_string(), breaker.state(), breaker.snapshot().reopenings)).collect()
}

fn saved() -> &'static [u8] {
    static SAVED: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let place = Place::new();
        let _entered = Scope::new().enter();
        open(&breaker("payment"));
        breaker("stock").force_open();
        breaker("stock").keyed(7).try_acquire().unwrap_err();
        registry().save(place.path()).unwrap();
        place.read()
    });
    &SAVED
}

/// Restored whole or refused with nothing changed.
fn restores_whole_or_not(bytes: &[u8]) -> bool {
    let place = Place::new();
    place.write(bytes);
    let _entered = Scope::new().enter();
    let _ = ["payment", "stock"].map(breaker);
    let before = states();
    match registry().restore(place.path()) {
        Ok(restored) => {
            let payment = (String::from("payment"), State::Open, 0);
            let stock = (String::from("stock"), State::ForcedOpen, 0);
            assert_eq!(states(), [payment, stock]);
            assert!(restored.pending.is_empty() && restored.skipped.is_empty(), "{restored:?}");
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(states(), before);
            false
        }
    }
}

fn mutations() -> impl Strategy<Value = Vec<u8>> {
    let at = 0..saved().len();
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| {
            let mut bytes = saved().to_vec();
            bytes[at] = byte;
            bytes
        }),
        at.clone().prop_map(|at| saved()[..at].to_vec()),
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| {
            let mut bytes = saved().to_vec();
            bytes.insert(at, byte);
            bytes
        }),
        (at.clone(), at.clone()).prop_map(|(from, to)| {
            let mut bytes = saved().to_vec();
            bytes.swap(from, to);
            bytes
        }),
        (at.clone(), at, prop::collection::vec(any::<u8>(), 0..30)).prop_map(|(a, b, new)| {
            let mut bytes = saved().to_vec();
            bytes.splice(a.min(b)..a.max(b), new);
            bytes
        }),
        prop::collection::vec(any::<u8>(), 0..300),
    ]
}

#[tokio::test(start_paused = true)]
async fn one_that_was_open_for_longer_than_a_clock_can_tell_is_due() {
    let turn = 1_u64 << 38;
    for age in [0, 1_000_000, turn / 2, turn - 1, turn, turn + 1, 3 * turn, u64::MAX] {
        let place = Place::new();
        let saved = json!({"name": "payment", "phase": "open", "age_millis": age});
        place.write_json(&json!({"saved_at": u64::MAX, "breakers": [saved]}));
        let _entered = Scope::new().enter();
        let payment = builder("payment").register().unwrap();
        place.restore();
        let due = payment.snapshot().probe_due_in.unwrap();
        assert_eq!(due.is_zero(), age > 0, "{age}: {due:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_damage_is_refused_and_changes_nothing(bytes in mutations()) {
        let is_whole = bytes == saved();
        prop_assert!(!is_whole || restores_whole_or_not(&bytes), "what was written is restored");
        let restored = restores_whole_or_not(&bytes);
        let body = |bytes: &[u8]| bytes.iter().position(|&byte| byte == b'\n').map(|end| bytes[end..].to_vec());
        // A checksum in capitals is the same, and a length with a zero before it.
        prop_assert!(!restored || body(&bytes) == body(saved()));
    }

    /// Somebody may write one by hand, checksum and all: whatever the numbers are, the breakers work.
    #[test]
    fn no_number_in_a_file_breaks_a_breaker(
        saved_at in any::<u64>(),
        age in any::<u64>(),
        openings in any::<u64>(),
        jitter in any::<u64>(),
        failures in any::<u64>(),
        phase in prop::sample::select(vec!["open", "half_open", "closed", "forced_open", "disabled"]),
        monitored in any::<Option<bool>>(),
        share in any::<Option<u8>>(),
        key in "[a-z/]{0,80}",
    ) {
        let one = |key: Option<&str>| {
            json!({
                "name": "payment", "key": key, "phase": phase, "monitored": monitored, "share": share,
                "reason": {"type": "failure_rate", "failures": failures, "calls": age},
                "age_millis": age, "openings": openings, "jitter": jitter,
            })
        };
        let body = json!({"saved_at": saved_at, "breakers": [one(None), one(Some(&key))]});
        let place = Place::new();
        place.write_json(&body);
        let _entered = Scope::new().enter();
        let payment = builder("payment").open_jitter(1.0).register().unwrap();
        place.restore();
        let of_key = payment.of_key(&key).unwrap();
        for breaker in [&payment, &of_key] {
            let snapshot = breaker.snapshot();
            prop_assert!(snapshot.reopenings <= 127 && snapshot.enforced_percent <= 100);
            prop_assert!(snapshot.probe_due_in.is_none_or(|due| due <= 1200 * SECOND), "{snapshot:?}");
            let _ = breaker.try_acquire().map(|permit| permit.success());
            breaker.reset();
            breaker.try_acquire().unwrap().success();
        }
    }
}
