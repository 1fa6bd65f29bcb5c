//! What the runtime says and understands over a real connection, on loopback.

mod axum;
mod reqwest;
mod server;
