//! The script of a run: orders arrive, one service breaks and heals, and what was queued is drained.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use resilience_runtime::State;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use crate::breakers;
use crate::flags::{Flags, Outage};
use crate::servers::{Server, Service};
use crate::shop::{By, Confirmation, Order, Shop, ShopError};

/// What a run is made of.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) shop: Arc<Shop>,
    /// In the order of [`Service::ALL`].
    pub(crate) servers: Vec<Arc<Server>>,
    pub(crate) outage: Outage,
    pub(crate) duration: Duration,
    pub(crate) rate: u32,
    /// When the first order is due. The two times below count from it.
    pub(crate) start: Instant,
    pub(crate) breaks_at: Duration,
    pub(crate) heals_at: Duration,
    tally: Mutex<Tally>,
}

/// What has become of the orders.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Those that arrived.
    pub(crate) orders: u64,
    /// Those that every service answered.
    pub(crate) completed: u64,
    /// Those that were accepted, with a fallback in the place of at least one service.
    pub(crate) degraded: u64,
    /// Those that the customer was told to try again later.
    pub(crate) failed: u64,
    /// Those whose customers did not wait for the answer.
    pub(crate) gave_up: u64,
    /// The numbers of those that were accepted.
    pub(crate) accepted: Vec<u64>,
    /// From the moment an order was due to its answer, by [`Phase`].
    pub(crate) latencies: [Vec<Duration>; Phase::ALL.len()],
}

/// When an order was in the shop, by the breaker of the broken service as it was when the order began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The service was well until the order was answered.
    Before,
    /// The service was broken and the breaker still, or again, closed: these orders pay for finding out.
    Detecting,
    /// The breaker was open and the order was not let through to the service.
    Open,
    /// The breaker was half-open, or the order was the probe that made it so: it waits for the service as a probe has to.
    Probing,
    /// The service was well again and the breaker closed.
    After,
}

impl Phase {
    pub(crate) const ALL: [Self; 5] = [Self::Before, Self::Detecting, Self::Open, Self::Probing, Self::After];
}

/// How long what was queued may take to drain once no more orders arrive.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// One customer in so many is impatient: leaves the page after [`PATIENCE`], which is less than the shop waits for its services.
const IMPATIENT: u64 = 5;
const PATIENCE: Duration = Duration::from_millis(200);

/// How many at once catch up on what was queued. Few, since the customers of the present come first.
const DRAINERS: usize = 2;

impl Run {
    /// A run that begins with the first poll of [`play`](Self::play), a moment from now.
    pub(crate) fn new(flags: &Flags, shop: Arc<Shop>, servers: Vec<Arc<Server>>) -> Self {
        Self {
            shop,
            servers,
            outage: flags.outage,
            duration: flags.duration,
            rate: flags.rate,
            start: Instant::now(),
            breaks_at: flags.duration.mul_f64(0.3),
            heals_at: flags.duration.mul_f64(0.6),
            tally: Mutex::default(),
        }
    }

    /// Plays the script to its end, or to where nothing more is to be expected.
    pub(crate) async fn play(self: &Arc<Self>) {
        for _ in 0..DRAINERS {
            tokio::spawn(Arc::clone(&self.shop).catch_up());
        }
        tokio::join!(self.break_and_heal(), self.orders_arrive());
        let drained = async {
            while self.shop.payments.waiting() + self.shop.mails.waiting() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // The report says what is still waiting.
        let _ = timeout(DRAIN_LIMIT, drained).await;
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap()
    }

    async fn break_and_heal(&self) {
        let server = &self.servers[self.outage.service as usize];
        sleep_until(self.start + self.breaks_at).await;
        server.set_fault(Some(self.outage.fault));
        sleep_until(self.start + self.heals_at).await;
        server.set_fault(None);
    }

    /// Orders come when they come, a task each: a slow answer delays no later order.
    async fn orders_arrive(self: &Arc<Self>) {
        let mut ticks = interval_at(self.start, Duration::from_secs(1) / self.rate);
        // After a pause of the machine those that were due meanwhile come at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let total = (self.duration.as_secs_f64() * f64::from(self.rate)) as u64;
        let mut orders = JoinSet::new();
        for number in 0..total {
            let due = ticks.tick().await;
            self.tally().orders += 1;
            orders.spawn(Arc::clone(self).order(number, due));
            while orders.try_join_next().is_some() {}
        }
        // An order that panicked is in no count but that of the arrivals: the report calls it lost.
        while orders.join_next().await.is_some() {}
    }

    async fn order(self: Arc<Self>, number: u64, due: Instant) {
        let order = Order { number, item: "teapot".to_owned(), cents: 2_495 };
        let state = breakers::state(self.outage.service);
        let placed = self.shop.place(&order);
        // Whoever leaves drops the order, wherever it is.
        let result = match number % IMPATIENT {
            0 => timeout(PATIENCE, placed).await.ok(),
            _ => Some(placed.await),
        };
        let Some(result) = result else {
            self.tally().gave_up += 1;
            return;
        };
        let latency = due.elapsed();
        let phase = self.phase(due - self.start, latency, state, was_asked(self.outage.service, &result));
        if let Ok(confirmation) = &result {
            // Outside the lock, which is not to be poisoned.
            assert!(!confirmation.items.is_empty(), "a page without recommendations");
        }

        let mut tally = self.tally();
        tally.latencies[phase as usize].push(latency);
        match result {
            Ok(confirmation) => {
                tally.accepted.push(number);
                if confirmation.is_complete() {
                    tally.completed += 1;
                } else {
                    tally.degraded += 1;
                }
            }
            Err(_) => tally.failed += 1,
        }
    }

    /// `state`: of the breaker when the order began; `asked`: whether it was let through to the service that breaks.
    fn phase(&self, began: Duration, latency: Duration, state: State, asked: bool) -> Phase {
        match state {
            State::Open | State::ForcedOpen if !asked => Phase::Open,
            State::Open | State::ForcedOpen | State::HalfOpen => Phase::Probing,
            _ if began + latency < self.breaks_at => Phase::Before,
            _ if began < self.heals_at => Phase::Detecting,
            _ => Phase::After,
        }
    }
}

fn was_asked(service: Service, result: &Result<Confirmation, ShopError>) -> bool {
    match result {
        Ok(confirmation) => confirmation.by(service) != By::Fallback { asked: false },
        // Only the inventory fails an order, and it is the first to be asked.
        Err(error) => service == Service::Inventory && error.was_asked(),
    }
}
