//! A place that owns its bulkhead, to be moved into a stream, a body or a task.

use super::{Bulkhead, Place};
use crate::error::Rejection;
use crate::keyed::Keyed;
use crate::name::PolicyKey;
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// The right to make one call inside a [`Bulkhead`], as [`Place`], which borrows nothing: it can be moved into a stream, a body or a task, and ends with it. Dropped, it
/// goes to the next.
#[derive(Debug)]
#[must_use = "dropped at once, it lets the next one in"]
pub struct OwnedPlace {
    /// None where the bulkhead was turned off.
    bulkhead: Option<Arc<Bulkhead>>,
}

impl OwnedPlace {
    fn new(bulkhead: &Arc<Bulkhead>, place: Place<'_>) -> Self {
        let place = ManuallyDrop::new(place);
        Self { bulkhead: place.bulkhead.map(|_| Arc::clone(bulkhead)) }
    }
}

impl Drop for OwnedPlace {
    fn drop(&mut self) {
        if let Some(bulkhead) = &self.bulkhead {
            drop(Place { bulkhead: Some(bulkhead) });
        }
    }
}

impl Bulkhead {
    /// As [`try_acquire`](Self::try_acquire), with a place that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`Rejection::BulkheadFull`] where no place is free, or somebody waits for it.
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<OwnedPlace, Rejection> {
        Ok(OwnedPlace::new(self, self.try_acquire()?))
    }

    /// As [`acquire`](Self::acquire), with a place that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`Rejection::BulkheadFull`] when the queue is full, or after `max_wait` in it.
    ///
    /// # Panics
    ///
    /// Where it has to wait with a `max_wait`, and the runtime has no timer.
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedPlace, Rejection> {
        Ok(OwnedPlace::new(&self, self.acquire().await?))
    }

    /// As [`try_acquire_owned`](Self::try_acquire_owned), for a key: see [`keyed`](Self::keyed).
    ///
    /// # Errors
    ///
    /// [`Rejection::BulkheadFull`] where this key has no place free, or somebody waits for it.
    pub fn try_acquire_owned_for<Fit>(self: &Arc<Self>, key: impl PolicyKey<Fit>) -> Result<OwnedPlace, Rejection> {
        let (of_key, place) = Keyed::new(&**self, &key).try_enter()?;
        Ok(OwnedPlace::new(of_key.unwrap_or(self), place))
    }

    /// As [`acquire_owned`](Self::acquire_owned), for a key.
    ///
    /// # Errors
    ///
    /// [`Rejection::BulkheadFull`] when this key's queue is full, or after `max_wait` in it.
    ///
    /// # Panics
    ///
    /// Where it has to wait with a `max_wait`, and the runtime has no timer.
    pub async fn acquire_owned_for<Fit>(self: Arc<Self>, key: impl PolicyKey<Fit>) -> Result<OwnedPlace, Rejection> {
        let (of_key, place) = Keyed::new(&*self, &key).enter().await?;
        Ok(OwnedPlace::new(of_key.unwrap_or(&self), place))
    }
}
