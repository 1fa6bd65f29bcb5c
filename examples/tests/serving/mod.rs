//! A storefront that serves its metrics and health while it runs.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

/// It, what it says from then on, and where it serves.
pub(crate) fn storefront(flags: &[&str]) -> (Child, BufReader<ChildStderr>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_storefront"))
        .args(flags)
        .args(["--rate", "50", "--json", "--admin", "127.0.0.1:0"])
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the storefront was built for this test");
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    told.read_line(&mut first).unwrap();
    let address = first.trim_end().strip_prefix("metrics and health are at http://").expect(&first).to_owned();
    (child, told, address)
}
