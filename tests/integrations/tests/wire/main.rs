//! What the runtime says and understands over a real connection, on loopback.

mod actix;
mod axum;
mod middleware;
mod reqwest;
mod server;
mod sqlx;
