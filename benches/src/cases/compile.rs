//! What an attribute costs whoever compiles it: `cargo check` of a crate of many functions, bare, guarded, and with `#[tracing::instrument]`.

use crate::clock::Clock;
use crate::statistics::Quartiles;
use crate::table::{Row, Table};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) const CHECK: &str = "cargo check";
pub(crate) const GUARDED: &str = "#[circuit_breaker]";
pub(crate) const STACKED: &str = "four attributes";
pub(crate) const INSTRUMENTED: &str = "#[tracing::instrument]";

const FUNCTIONS: usize = 500;

/// A crate of one kind of function: its name, the attribute as it is shown, and as it is written.
const CRATES: [(&str, &str, &str); 4] = [
    ("bare", "bare", ""),
    ("guarded", GUARDED, "#[resilience_runtime::circuit_breaker]"),
    ("instrumented", INSTRUMENTED, "#[tracing::instrument(skip_all)]"),
    (
        "stacked",
        STACKED,
        "#[resilience_runtime::retry] #[resilience_runtime::circuit_breaker] #[resilience_runtime::bulkhead(5)] #[resilience_runtime::timeout(\"1s\")]",
    ),
];

/// Milliseconds a function over the bare one; why not, where it cannot be measured.
pub(crate) fn check(rounds: usize) -> Result<Table, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/benches/check");
    write_crates(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // The dependencies, which nobody times; they may have to be fetched.
    for (name, ..) in CRATES {
        checked(&folder, name, &[])?;
    }
    let mut taken: [Vec<f64>; CRATES.len()] = Default::default();
    for _ in 0..rounds {
        for (nth, (name, ..)) in CRATES.iter().enumerate() {
            taken[nth].push(checked(&folder, name, &["--offline"])?);
        }
    }
    let about = format!("one of {FUNCTIONS} functions, over the bare one");
    let mut table = Table::new(CHECK, &about, "ms a function", &["seconds in all"]);
    for (nth, (_, shown, _)) in CRATES.iter().enumerate() {
        let a_function = |round: usize| (taken[nth][round] - taken[0][round]) * 1e3 / FUNCTIONS as f64;
        table.rows.push(Row {
            who: (*shown).into(),
            value: Quartiles::of((0..rounds).map(a_function)),
            more: vec![Some(Quartiles::of(taken[nth].iter().copied()).median)],
        });
    }
    Ok(table)
}

fn write_crates(folder: &Path) -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let members: Vec<_> = CRATES.iter().map(|(name, ..)| format!("\"{name}\"")).collect();
    std::fs::create_dir_all(folder)?;
    std::fs::write(
        folder.join("Cargo.toml"),
        format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", ")),
    )?;
    // The versions that everything else here was measured with, and nothing to look up.
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    for (name, _, attribute) in CRATES {
        let source = folder.join(name).join("src");
        std::fs::create_dir_all(&source)?;
        std::fs::write(
            folder.join(name).join("Cargo.toml"),
            format!(
                "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
                 resilience-runtime = {{ path = {:?} }}\ntokio = {{ version = \"1\", features = [\"rt\"] }}\ntracing = \"0.1\"\n",
                root.join("resilience-runtime")
            ),
        )?;
        std::fs::write(source.join("lib.rs"), functions(attribute))?;
    }
    Ok(())
}

fn functions(attribute: &str) -> String {
    let mut text = String::from(
        "pub enum Error { Failed, Rejected(resilience_runtime::Rejection) }\n\
         impl From<resilience_runtime::Rejection> for Error {\n\
             fn from(rejection: resilience_runtime::Rejection) -> Self { Self::Rejected(rejection) }\n\
         }\n",
    );
    for nth in 0..FUNCTIONS {
        text += &format!(
            "{attribute}\npub async fn function_{nth}(id: u64, name: &str) -> Result<u64, Error> {{\n\
                 tokio::task::yield_now().await;\n\
                 if name.is_empty() {{ return Err(Error::Failed); }}\n\
                 Ok(id + name.len() as u64)\n\
             }}\n"
        );
    }
    text
}

/// Seconds of processor time that one `cargo check` takes of a crate of which the source was touched.
fn checked(folder: &Path, name: &str, flags: &[&str]) -> Result<f64, String> {
    let source: PathBuf = folder.join(name).join("src/lib.rs");
    let touched = std::fs::File::options()
        .append(true)
        .open(&source)
        .and_then(|file| file.set_modified(std::time::SystemTime::now()));
    touched.map_err(|error| format!("{}: {error}", source.display()))?;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["check", "--quiet", "-p", name])
        .args(flags)
        .current_dir(folder)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .stdin(Stdio::null());
    let mut ended = None;
    let took = Clock::Children.time(|| ended = Some(command.output())).as_secs_f64();
    let output = ended.expect("it was begun").map_err(|error| format!("cargo: {error}"))?;
    if output.status.success() { Ok(took) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
