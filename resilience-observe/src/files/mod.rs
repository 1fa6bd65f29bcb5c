//! Alert rules and a dashboard, for the names of the table.

mod board;
mod rules;

pub use board::grafana_board;
pub use rules::{RUNBOOKS, alert_runbooks, prometheus_rules};
