//! Eight tenants share a pool of ten connections to a real PostgreSQL, and somebody's transaction has locked the tables of two: the other six do not feel it.
//!
//! Time is real here, since the database's is. So nothing is compared with a time on the clock: a shop in trouble is compared with one beside it that is not, in the same seconds,
//! on the same machine and the same server.

use resilience_runtime::{CircuitBreaker, State, bulkhead, circuit_breaker, classify, registry, timeout};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

const SECOND: Duration = Duration::from_secs(1);
const TENANTS: usize = 8;
/// The first six; the last two are locked in a shop that is in trouble.
const WELL: usize = 6;
/// More callers of one tenant than the pool has connections for two.
const CALLERS: usize = 6;
const MEASURED_FOR: Duration = Duration::from_secs(8);
/// What is faster than this tells nothing by how many times: a scheduler takes as long.
const FLOOR: Duration = Duration::from_millis(20);

/// A schema of the database with a table a tenant, and the pool of whoever serves all of them.
struct Shop {
    name: &'static str,
    pool: PgPool,
    sales: Vec<String>,
}

fn options() -> PgConnectOptions {
    let url = std::env::var("DATABASE_URL").expect("`DATABASE_URL` says where a PostgreSQL is");
    url.parse().expect("`DATABASE_URL` is one of PostgreSQL's")
}

impl Shop {
    /// The server ends a statement that takes as long as `statement_timeout`.
    async fn open(name: &'static str, statement_timeout: &str) -> Self {
        let own = options().options([("search_path", name), ("statement_timeout", statement_timeout)]);
        let pool = PgPoolOptions::new().max_connections(10).acquire_timeout(2 * SECOND).connect_with(own);
        let pool = pool.await.expect("a PostgreSQL answers");
        let mut tables = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name};");
        for tenant in 0..TENANTS {
            tables +=
                &format!("CREATE TABLE stock_{tenant} (left_over bigint); INSERT INTO stock_{tenant} VALUES (0);");
        }
        sqlx::raw_sql(&tables).execute(&pool).await.unwrap();
        let sale = |tenant| format!("UPDATE stock_{tenant} SET left_over = left_over + 1 RETURNING left_over");
        Self { name, pool, sales: (0..TENANTS).map(sale).collect() }
    }

    async fn query(&self, tenant: usize) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(&self.sales[tenant]).fetch_one(&self.pool).await
    }

    /// Somebody else's transaction, which locks the tables of all but the first six for as long as it is there.
    async fn lock(&self) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let somebody = PgPool::connect_with(options()).await.unwrap();
        let mut transaction = somebody.begin().await.unwrap();
        for tenant in WELL..TENANTS {
            let lock = format!("LOCK TABLE {}.stock_{tenant}", self.name);
            sqlx::raw_sql(&lock).execute(&mut *transaction).await.unwrap();
        }
        transaction
    }
}

#[circuit_breaker("tenants", key = (shop.name, tenant), consecutive_failures = 3, window = none, open_for = "2s")]
#[bulkhead(2, max_queue = 4, max_wait = "1s", key = (shop.name, tenant))]
#[timeout("1s", classify = classify::sqlx)]
async fn sell(shop: &Shop, tenant: usize) -> Result<i64, sqlx::Error> {
    shop.query(tenant).await
}

/// What came of the calls of one tenant.
#[derive(Default)]
struct Served {
    answers: Vec<Duration>,
    failures: Vec<String>,
}

impl Served {
    async fn add<T>(&mut self, asked: impl Future<Output = Result<T, sqlx::Error>>) {
        let began = Instant::now();
        match timeout_at(began + 3 * SECOND, asked).await {
            Ok(Ok(_)) => self.answers.push(began.elapsed()),
            Ok(Err(error)) => self.failures.push(error.to_string()),
            Err(_) => self.failures.push("no answer at all".to_owned()),
        }
    }
}

/// One that asks again a fifth of a second after each answer.
async fn ask(shop: Arc<Shop>, tenant: usize, guarded: bool, until: Instant) -> Served {
    let mut served = Served::default();
    while Instant::now() < until {
        if guarded {
            served.add(sell(&shop, tenant)).await
        } else {
            served.add(shop.query(tenant)).await
        }
        sleep(SECOND / 5).await;
    }
    served
}

/// Each tenant is asked by several callers, who do not begin at once.
async fn serve(shop: &Arc<Shop>, guarded: bool) -> Vec<Served> {
    let until = Instant::now() + MEASURED_FOR;
    let callers = (0..TENANTS * CALLERS).map(|nth| {
        let asks = ask(Arc::clone(shop), nth % TENANTS, guarded, until);
        tokio::spawn(async move {
            sleep(Duration::from_millis(4 * nth as u64)).await;
            asks.await
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut all: Vec<Served> = std::iter::repeat_with(Served::default).take(TENANTS).collect();
    for (nth, caller) in callers.into_iter().enumerate() {
        let Served { answers, failures } = caller.await.unwrap();
        all[nth % TENANTS].answers.extend(answers);
        all[nth % TENANTS].failures.extend(failures);
    }
    all
}

fn p99(served: &[Served]) -> Duration {
    let mut times: Vec<_> = served.iter().flat_map(|served| &served.answers).collect();
    times.sort_unstable();
    *times[times.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a PostgreSQL: `.ci/postgres` starts one"]
async fn two_are_locked_and_six_do_not_feel_it() {
    let calm = Arc::new(Shop::open("calm", "900ms").await);
    let troubled = Arc::new(Shop::open("troubled", "900ms").await);
    let lock = troubled.lock().await;
    // A busy machine disturbs one measurement or another. What the lock does is in all of them.
    for left in (0..3).rev() {
        let (of_calm, of_troubled) = tokio::join!(serve(&calm, true), serve(&troubled, true));
        for (tenant, (calm, troubled)) in of_calm.iter().zip(&of_troubled).enumerate() {
            assert!(calm.failures.is_empty(), "{tenant}: {:?}", calm.failures);
            if tenant < WELL {
                assert!(troubled.failures.is_empty(), "{tenant}: {:?}", troubled.failures);
                let (calm, troubled) = (calm.answers.len(), troubled.answers.len());
                assert!(troubled * 2 >= calm, "{tenant} got {troubled} answers in place of {calm}");
            } else {
                assert!(troubled.answers.is_empty(), "{tenant} is locked");
            }
        }
        let (calm, troubled) = (p99(&of_calm[..WELL]), p99(&of_troubled[..WELL]));
        let calls: usize = of_troubled[..WELL].iter().map(|served| served.answers.len()).sum();
        println!("p99 of the six: {troubled:?} in {calls} calls, {calm:?} in a shop that is well");
        if troubled <= 2 * calm.max(FLOOR) {
            break;
        }
        assert!(left > 0, "{troubled:?} in place of {calm:?}");
        registry().circuit_breaker("tenants").unwrap().reset();
    }

    let breaker = registry().circuit_breaker("tenants").unwrap();
    let decided = |breaker: &CircuitBreaker| breaker.snapshot().decided;
    for of_key in breaker.of_keys() {
        let (key, totals) = (of_key.key().unwrap().to_string(), of_key.totals());
        let is_open = matches!(decided(&of_key), State::Open | State::HalfOpen) && totals.rejected > 0;
        assert_eq!(is_open, ["troubled, 6", "troubled, 7"].contains(&&*key), "{key}: {totals:?}");
    }
    assert_eq!(breaker.snapshot().keys.map(|keys| (keys.held, keys.not_closed)), Some((16, 2)));

    // They are served again when the lock is gone.
    lock.rollback().await.unwrap();
    for tenant in WELL..TENANTS {
        let given_up = Instant::now() + 30 * SECOND;
        let of_key = breaker.of_key(("troubled", tenant)).unwrap();
        while decided(&of_key) != State::Closed {
            assert!(Instant::now() < given_up, "{tenant}: {:?}", of_key.snapshot());
            let _ = sell(&troubled, tenant).await;
            sleep(SECOND / 20).await;
        }
        sell(&troubled, tenant).await.unwrap();
    }
}

/// What is measured above is no matter of course: without the policies, the two that are locked take the whole pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a PostgreSQL: `.ci/postgres` starts one"]
async fn without_policies_two_that_are_locked_stop_all_eight() {
    let bare = Arc::new(Shop::open("bare", "0").await);
    let lock = bare.lock().await;
    let served = serve(&bare, false).await;
    drop(lock);
    assert!(served[..WELL].iter().all(|served| !served.failures.is_empty()), "they have felt it");
}
