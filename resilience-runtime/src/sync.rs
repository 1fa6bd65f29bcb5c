//! The only door through which atomics and locks come in, so that loom can stand in for them (`--cfg resilience_loom`).

#[cfg(not(resilience_loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard, RwLock,
    atomic::{AtomicPtr, AtomicU64, Ordering, fence},
};

#[cfg(resilience_loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard, RwLock,
    atomic::{AtomicPtr, AtomicU64, Ordering, fence},
};

/// The guard, poisoned or not: no user code runs under a lock of this crate, so a poisoned one guards sound data.
pub(crate) fn read<T>(lock: &RwLock<T>) -> impl std::ops::Deref<Target = T> + '_ {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// As [`read`], for writers.
pub(crate) fn write<T>(lock: &RwLock<T>) -> impl std::ops::DerefMut<Target = T> + '_ {
    lock.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// As [`read`], for a mutex.
pub(crate) fn exclusive<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// As [`exclusive`], for a mutex that a static can hold: never loom's.
pub(crate) fn locked<T>(lock: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A number that is read and written by itself: it says nothing about any other memory, so `Relaxed` will do.
pub(crate) struct AtomicSetting(AtomicU64);

impl AtomicSetting {
    pub(crate) fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// What it was, of several numbers in one word: none of the others is lost. Whoever finds what another one put there sees what that one
    /// did before.
    pub(crate) fn change(&self, to: impl Fn(u64) -> u64) -> u64 {
        let mut was = self.get();
        loop {
            match self.0.compare_exchange(was, to(was), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return was,
                Err(newer) => was = newer,
            }
        }
    }

    /// What it was before it grew.
    pub(crate) fn add(&self, by: u64) -> u64 {
        self.0.fetch_add(by, Ordering::Relaxed)
    }
}

/// A list that is read without a lock and replaced under one. Never loom's: models make their readers before they begin.
pub(crate) use arc_swap::ArcSwap;

/// A slot that is exchanged as a whole without a lock, and a waker that is set without one. In models behind a lock, since those do not see how it is done.
#[cfg(not(resilience_loom))]
pub(crate) use {arc_swap::ArcSwapOption, atomic_waker::AtomicWaker};

#[cfg(resilience_loom)]
pub(crate) struct ArcSwapOption<T>(Mutex<Option<std::sync::Arc<T>>>);

#[cfg(resilience_loom)]
impl<T> ArcSwapOption<T> {
    pub(crate) fn empty() -> Self {
        Self::new(None)
    }

    pub(crate) fn new(value: Option<std::sync::Arc<T>>) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn load(&self) -> Option<std::sync::Arc<T>> {
        exclusive(&self.0).clone()
    }

    pub(crate) fn swap(&self, value: Option<std::sync::Arc<T>>) -> Option<std::sync::Arc<T>> {
        std::mem::replace(&mut exclusive(&self.0), value)
    }
}

#[cfg(resilience_loom)]
pub(crate) struct AtomicWaker(Mutex<Option<std::task::Waker>>);

#[cfg(resilience_loom)]
impl AtomicWaker {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    pub(crate) fn register(&self, waker: &std::task::Waker) {
        *exclusive(&self.0) = Some(waker.clone());
    }

    pub(crate) fn wake(&self) {
        let waker = exclusive(&self.0).take();
        waker.into_iter().for_each(std::task::Waker::wake);
    }
}

/// Bits that say who wants to know what, and that a static can hold: never loom's. Set under a lock by whoever changes them, read by anyone.
pub(crate) struct Switches(std::sync::atomic::AtomicU64);

impl Switches {
    pub(crate) const fn new(bits: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(bits))
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(crate) fn set(&self, bits: u64) {
        self.0.store(bits, std::sync::atomic::Ordering::Release);
    }
}

/// Where something is that stays for as long as the process lives; in a static, hence never loom's. It says nothing about any other memory.
#[allow(dead_code, reason = "one platform alone looks for the kernel's functions")]
pub(crate) struct AtomicAddress(std::sync::atomic::AtomicPtr<()>);

#[allow(dead_code, reason = "likewise")]
impl AtomicAddress {
    pub(crate) const fn new(address: *mut ()) -> Self {
        Self(std::sync::atomic::AtomicPtr::new(address))
    }

    #[inline]
    pub(crate) fn get(&self) -> *mut () {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(crate) fn set(&self, address: *mut ()) {
        self.0.store(address, std::sync::atomic::Ordering::Relaxed);
    }
}

/// A counter off every fast path, and one that a static can hold: never loom's.
pub(crate) struct Count(std::sync::atomic::AtomicU64);

impl Count {
    pub(crate) const fn new() -> Self {
        Self(std::sync::atomic::AtomicU64::new(0))
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// The greatest of what was seen, which a static can hold: never loom's.
#[cfg(all(not(feature = "test-util"), any(target_os = "linux", target_os = "android")))]
pub(crate) struct Latest(std::sync::atomic::AtomicU64);

#[cfg(all(not(feature = "test-util"), any(target_os = "linux", target_os = "android")))]
impl Latest {
    pub(crate) const fn new(value: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(value))
    }

    /// What it is now that this was seen. Written only where it is new, so that those who read it do not wait for each other.
    pub(crate) fn at_least(&self, seen: u64) -> u64 {
        let known = self.0.load(std::sync::atomic::Ordering::Relaxed);
        if seen <= known {
            return known;
        }
        self.0.fetch_max(seen, std::sync::atomic::Ordering::Relaxed).max(seen)
    }
}

/// A number that one thread at a time writes. Whoever reads it sees what was done before it was written.
pub(crate) struct PublishedWord(AtomicU64);

impl PublishedWord {
    pub(crate) fn new(word: u64) -> Self {
        Self(AtomicU64::new(word))
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self, word: u64) {
        self.0.store(word, Ordering::Release);
    }
}

/// Where something is, as one thread at a time writes it. Whoever reads it sees what was done before it was written.
pub(crate) struct Address<T>(AtomicPtr<T>);

impl<T> Address<T> {
    /// Of nothing.
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    #[inline]
    pub(crate) fn get(&self) -> *const T {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self, of: *const T) {
        self.0.store(of.cast_mut(), Ordering::Release);
    }
}

/// How often something has changed hands. Whoever sees what was done after a change sees the change.
pub(crate) struct AtomicEpoch(AtomicU64);

impl AtomicEpoch {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// The new epoch.
    pub(crate) fn raise(&self) -> u64 {
        self.0.fetch_add(1, Ordering::AcqRel) + 1
    }
}

/// How many there are who want something to stay as it is.
///
/// Whoever finds that there is nobody has exchanged the number for itself, so that whoever comes afterwards sees what was done before.
pub(crate) struct Claims(AtomicU64);

impl Claims {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn begin(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn end(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn is_any(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }

    /// Whether there is nobody; whoever comes after this sees what was done before it.
    pub(crate) fn is_none_for_all(&self) -> bool {
        self.0.compare_exchange(0, 0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Says that something has happened to whoever waits for its owner anyway. Atomic only so that it can be shared.
#[derive(Debug)]
pub(crate) struct Flag(std::sync::atomic::AtomicBool);

impl Flag {
    pub(crate) const fn new() -> Self {
        Self(std::sync::atomic::AtomicBool::new(false))
    }

    pub(crate) fn raise(&self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Says what has happened to whoever waits for its owner anyway. Atomic only so that it can be shared.
///
/// A whole word: a byte that is written and then copied with its padding, as a permit is, makes a processor wait until the byte has reached the cache.
#[derive(Debug)]
pub(crate) struct Note(std::sync::atomic::AtomicU64);

impl Note {
    /// Nothing has happened.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self(std::sync::atomic::AtomicU64::new(0))
    }

    #[inline]
    pub(crate) fn set(&self, note: u64) {
        self.0.store(note, std::sync::atomic::Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// What is read without a lock and replaced now and then. In models behind a lock, since those do not see how it is done.
#[cfg(not(resilience_loom))]
pub(crate) struct Published<T>(ArcSwap<T>);

#[cfg(not(resilience_loom))]
impl<T> Published<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(ArcSwap::from_pointee(value))
    }

    pub(crate) fn load(&self) -> impl std::ops::Deref<Target = std::sync::Arc<T>> {
        self.0.load()
    }

    /// What it was. Whoever holds what was loaded before counts among its owners.
    pub(crate) fn swap(&self, value: std::sync::Arc<T>) -> std::sync::Arc<T> {
        self.0.swap(value)
    }
}

#[cfg(resilience_loom)]
pub(crate) struct Published<T>(RwLock<std::sync::Arc<T>>);

#[cfg(resilience_loom)]
impl<T> Published<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RwLock::new(std::sync::Arc::new(value)))
    }

    pub(crate) fn load(&self) -> impl std::ops::Deref<Target = std::sync::Arc<T>> {
        struct Held<T>(std::sync::Arc<T>);

        impl<T> std::ops::Deref for Held<T> {
            type Target = std::sync::Arc<T>;

            fn deref(&self) -> &std::sync::Arc<T> {
                &self.0
            }
        }

        Held(std::sync::Arc::clone(&read(&self.0)))
    }

    pub(crate) fn swap(&self, value: std::sync::Arc<T>) -> std::sync::Arc<T> {
        std::mem::replace(&mut *write(&self.0), value)
    }
}

/// Runs a model in every interleaving of at most three preemptions.
#[cfg(all(test, resilience_loom))]
pub(crate) fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 20_000;
    builder.check(body);
}
