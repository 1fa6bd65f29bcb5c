//! The order service. Each dependency is called by one annotated method, and the annotations are all that stands between an
//! outage and a lost order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use resilience_runtime::{
    Failure, Rejection, RejectionKind, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout,
};
use serde::{Deserialize, Serialize};

use crate::queue::Queue;
use crate::servers::Service;

/// What a customer orders.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) number: u64,
    pub(crate) item: String,
    pub(crate) cents: u64,
}

/// Why a step of an order failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShopError {
    /// The service refused the connection or broke it off.
    #[error("no answer")]
    NoAnswer(#[from] reqwest::Error),
    /// It answered with a status of its own.
    #[error("answered {0}")]
    Status(StatusCode),
    /// It was not asked.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl ShopError {
    /// Whether the service is to blame. A request that it rightly refuses (4xx) says nothing against it.
    fn is_unavailable(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Status(status) => status.is_server_error(),
            Self::Rejected(_) => false,
        }
    }

    /// Whether the service was asked at all. After a timeout it may have done its part although no answer came.
    pub(crate) fn was_asked(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::Status(_) => true,
            Self::Rejected(rejection) => was_asked(rejection),
        }
    }

    /// When it is worth asking again, where that is known.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rejected(rejection) => rejection.retry_after(),
            _ => None,
        }
    }
}

/// Who answered a step of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Service,
    /// The fallback. `asked`: the service was asked before, and may have done its part although no answer came.
    Fallback {
        asked: bool,
    },
}

impl By {
    fn fallback(failure: &Failure<ShopError>) -> Self {
        let asked = match failure {
            Failure::Call(error) => error.was_asked(),
            other => other.rejection().is_some_and(was_asked),
        };
        Self::Fallback { asked }
    }
}

fn was_asked(rejection: &Rejection) -> bool {
    rejection.kind() == RejectionKind::TimedOut
}

/// A payment that was taken, or will be.
#[derive(Debug)]
pub(crate) struct Receipt {
    by: By,
}

/// What else the customer might like.
#[derive(Debug)]
pub(crate) struct Recommendations {
    items: Vec<String>,
    by: By,
}

/// An order that was accepted.
#[derive(Debug)]
pub(crate) struct Confirmation {
    pub(crate) payment: By,
    pub(crate) email: By,
    pub(crate) recommendations: By,
    /// What the page shows.
    pub(crate) items: Vec<String>,
}

impl Confirmation {
    /// Who answered for a service.
    pub(crate) fn by(&self, service: Service) -> By {
        match service {
            Service::Inventory => By::Service,
            Service::Payment => self.payment,
            Service::Email => self.email,
            Service::Recommendations => self.recommendations,
        }
    }

    /// Whether every service answered for itself.
    pub(crate) fn is_complete(&self) -> bool {
        Service::ALL.iter().all(|&service| self.by(service) == By::Service)
    }
}

/// The order service.
#[derive(Debug)]
pub(crate) struct Shop {
    http: reqwest::Client,
    /// In the order of [`Service::ALL`].
    addresses: Vec<SocketAddr>,
    pub(crate) payments: Queue,
    pub(crate) mails: Queue,
}

impl Shop {
    /// `addresses`: where the services are, in the order of [`Service::ALL`].
    pub(crate) fn new(addresses: Vec<SocketAddr>) -> Result<Self, reqwest::Error> {
        // A proxy from the environment would stand between the shop and loopback.
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, addresses, payments: Queue::new(), mails: Queue::new() })
    }

    /// Takes an order. It fails only where the stock cannot be reserved.
    pub(crate) async fn place(&self, order: &Order) -> Result<Confirmation, ShopError> {
        self.reserve(order).await?;
        let payment = self.charge(order).await?;
        let (email, recommendations) = tokio::join!(self.mail(order), self.recommend(order));
        let Recommendations { items, by } = recommendations?;
        Ok(Confirmation { payment: payment.by, email: email?, recommendations: by, items })
    }

    /// The one step that an order cannot do without: a reservation that was lost on the way is asked for again, which the order's number
    /// makes safe, and the budget keeps retries from piling onto an inventory that is down.
    #[retry(name = "inventory", attempts = 2, delay = "20ms", retry_if = |e| e.is_unavailable(), budget = 20)]
    #[circuit_breaker("inventory", failure_rate = 50, minimum_calls = 10, window = "1s", open_for = "1s",
        half_open_calls = 3, latency = true, failure_if = |e| e.is_unavailable())]
    #[timeout(name = "inventory", after = "1s")]
    async fn reserve(&self, order: &Order) -> Result<(), ShopError> {
        self.post(Service::Inventory, order).await?;
        Ok(())
    }

    #[circuit_breaker("payment", failure_rate = 50, minimum_calls = 10, window = "1s", open_for = "1s",
        half_open_calls = 3, latency = true, abandoned_after = "150ms", failure_if = |e| e.is_unavailable())]
    #[bulkhead(name = "payment", max_concurrent = 64)]
    #[timeout(name = "payment", after = "250ms")]
    #[fallback = Self::queue_payment]
    async fn charge(&self, order: &Order) -> Result<Receipt, ShopError> {
        self.post(Service::Payment, order).await?;
        Ok(Receipt { by: By::Service })
    }

    async fn queue_payment(&self, order: &Order, failure: Failure<ShopError>) -> Result<Receipt, ShopError> {
        self.payments.push(order.clone());
        Ok(Receipt { by: By::fallback(&failure) })
    }

    #[circuit_breaker("email", failure_rate = 50, minimum_calls = 10, window = "1s", open_for = "1s",
        half_open_calls = 3, latency = true, failure_if = |e| e.is_unavailable())]
    #[rate_limit(name = "email", rate = "500/s")]
    #[timeout(name = "email", after = "250ms")]
    #[fallback = queue_mail]
    async fn mail(&self, order: &Order) -> Result<By, ShopError> {
        self.post(Service::Email, order).await?;
        Ok(By::Service)
    }

    #[circuit_breaker("recommendations", failure_rate = 50, minimum_calls = 10, window = "1s", open_for = "1s",
        half_open_calls = 3, latency = true, failure_if = |e| e.is_unavailable())]
    #[timeout(name = "recommendations", after = "250ms")]
    #[fallback(popular_items)]
    async fn recommend(&self, order: &Order) -> Result<Recommendations, ShopError> {
        #[derive(Deserialize)]
        struct Answer {
            items: Vec<String>,
        }
        let Answer { items } = self.post(Service::Recommendations, order).await?.json().await?;
        Ok(Recommendations { items, by: By::Service })
    }

    /// Takes a payment that was queued. It joins the breaker of [`charge`](Self::charge) and has no fallback, so the caller
    /// learns how it went.
    #[circuit_breaker("payment", failure_if = |e| e.is_unavailable())]
    #[bulkhead(name = "payment", max_concurrent = 64)]
    #[timeout(name = "payment", after = "250ms")]
    async fn collect(&self, order: &Order) -> Result<(), ShopError> {
        self.post(Service::Payment, order).await?;
        Ok(())
    }

    /// Sends a mail that was queued.
    #[circuit_breaker("email", failure_if = |e| e.is_unavailable())]
    #[rate_limit(name = "email", rate = "500/s")]
    #[timeout(name = "email", after = "250ms")]
    async fn send(&self, order: &Order) -> Result<(), ShopError> {
        self.post(Service::Email, order).await?;
        Ok(())
    }

    /// Catches up on what was queued, for as long as the program runs.
    pub(crate) async fn catch_up(self: Arc<Self>) {
        tokio::join!(
            self.payments.drain(async |order| self.collect(&order).await),
            self.mails.drain(async |order| self.send(&order).await),
        );
    }

    /// Opens connections before the first order does, so that no order pays for them.
    pub(crate) async fn warm_up(&self) -> Result<(), ShopError> {
        for service in Service::ALL {
            let hello = || self.http.get(self.url(service, "health")).send();
            let (a, b, c, d) = tokio::join!(hello(), hello(), hello(), hello());
            for answer in [a, b, c, d] {
                answer?.bytes().await?;
            }
        }
        Ok(())
    }

    async fn post(&self, service: Service, order: &Order) -> Result<reqwest::Response, ShopError> {
        let answer = self.http.post(self.url(service, "orders")).json(order).send().await?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
            status => Err(ShopError::Status(status)),
        }
    }

    fn url(&self, service: Service, path: &str) -> String {
        format!("http://{}/{path}", self.addresses[service as usize])
    }
}

async fn queue_mail(shop: &Shop, order: &Order, failure: Failure<ShopError>) -> Result<By, ShopError> {
    shop.mails.push(order.clone());
    Ok(By::fallback(&failure))
}

fn popular_items(_: &Shop, _: &Order, failure: Failure<ShopError>) -> Result<Recommendations, ShopError> {
    Ok(Recommendations { items: vec!["umbrella".to_owned(), "notebook".to_owned()], by: By::fallback(&failure) })
}
