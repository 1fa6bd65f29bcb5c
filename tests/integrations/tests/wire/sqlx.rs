//! A pool of PostgreSQL's driver, and a server that says as much of the protocol as a check needs.

use resilience_runtime::testing::Scope;
use resilience_runtime::{HealthCheck, Verdict, classify, registry};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One connection: everybody may come in, and every message that wants to know whether the server is ready is answered. `pings` of them, then nothing more.
async fn serve(mut connection: TcpStream, mut pings: u32) -> std::io::Result<()> {
    let ready = b"Z\0\0\0\x05I";
    let length = connection.read_u32().await?;
    connection.read_exact(&mut vec![0; length as usize - 4]).await?;
    connection.write_all(&[b"R\0\0\0\x08\0\0\0\0", &ready[..]].concat()).await?;
    loop {
        let kind = connection.read_u8().await?;
        let length = connection.read_u32().await?;
        connection.read_exact(&mut vec![0; length as usize - 4]).await?;
        if matches!(kind, b'S' | b'Q') {
            let Some(left) = pings.checked_sub(1) else { continue };
            pings = left;
            connection.write_all(ready).await?;
        }
    }
}

async fn pool(pings: u32) -> PgPool {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection, pings));
        }
    });
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("shop");
    PgPoolOptions::new().max_connections(1).connect_lazy_with(options.ssl_mode(PgSslMode::Disable))
}

async fn health(pool: &PgPool) -> String {
    let scope = Scope::new();
    let _entered = scope.enter();
    let check = HealthCheck::sqlx("database", pool).timeout(Duration::from_millis(500));
    registry().health_check(check).unwrap();
    registry().health().await.to_string()
}

#[tokio::test]
async fn a_check_asks_the_database() {
    let answers = pool(u32::MAX).await;
    assert_eq!(health(&answers).await, "up");
    // Held by somebody else: the check waits for it, and not for ever.
    let held = answers.acquire().await.unwrap();
    assert_eq!(health(&answers).await, "down: check `database` did not answer within 500ms");
    drop(held);
    assert_eq!(health(&answers).await, "up");
    answers.close().await;
    assert_eq!(
        health(&answers).await,
        "down: check `database` failed: attempted to acquire a connection on a closed pool"
    );
}

#[tokio::test]
async fn a_database_that_says_nothing_is_down() {
    assert_eq!(health(&pool(0).await).await, "down: check `database` did not answer within 500ms");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_a_failure() {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1).ssl_mode(PgSslMode::Disable);
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(200)).connect_lazy_with(options);
    let error = pool.acquire().await.unwrap_err();
    assert_eq!(classify::sqlx_error(&error), Verdict::FAILURE, "{error}");
}
