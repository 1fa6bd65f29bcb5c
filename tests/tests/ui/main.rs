//! What compiles and what does not, one rule a file, and the words in which the compiler says so.
//!
//! `TRYBUILD=overwrite cargo test -p tests --test ui` renews the words. They are recorded with one version of the
//! compiler, because each words its own part differently; on another one only our part is compared: our messages,
//! labels and notes, and the token that each error points at.

mod said;

use said::{missing, ours, without_std_excerpts};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The version whose words the `.stderr` files hold.
const RECORDED_WITH: &str = "1.95.0";

const CASES: &str = "tests/ui/fail";

/// Where the compiler's words are put before they are compared.
const NOW: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/ui");

#[test]
fn what_compiles() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
}

#[test]
fn what_does_not() {
    let renewed = env::var_os("TRYBUILD").is_some_and(|told| told == "overwrite");
    let version = compiler();
    assert!(!renewed || version == RECORDED_WITH, "the words are recorded with {RECORDED_WITH}, and this is {version}");

    let cases = cases();
    let _ = fs::remove_dir_all(NOW);
    fs::create_dir_all(NOW).unwrap();
    for case in &cases {
        fs::copy(case, now(case)).unwrap();
    }
    // trybuild compares by itself, and the whole. It is told to overwrite what is not there instead, by the environment.
    let asked = env::args().filter(|argument| argument.starts_with("trybuild="));
    let said = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "record"])
        .args(asked)
        .env("TRYBUILD", "overwrite")
        .output()
        .unwrap();
    let compile: Vec<_> = cases.iter().filter(|case| !now(case).with_extension("stderr").exists()).collect();
    assert!(said.status.success(), "{}\nwith no error: {compile:#?}", String::from_utf8_lossy(&said.stdout));

    // As trybuild writes it in the middle of a line.
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_str().unwrap();
    let now_in_the_workspace = NOW.replace(workspace, "$WORKSPACE");
    let mut wrong = String::new();
    let (mut errors, mut silent) = (0, Vec::new());
    for case in &cases {
        let name = case.file_stem().unwrap().to_string_lossy();
        let now = fs::read_to_string(now(case).with_extension("stderr")).unwrap();
        let now = without_std_excerpts(&now.replace(&now_in_the_workspace, CASES).replace(NOW, CASES));
        let recording = case.with_extension("stderr");
        if renewed {
            fs::write(&recording, now).unwrap();
            continue;
        }
        let Ok(recorded) = fs::read_to_string(&recording) else {
            writeln!(wrong, "{name} has no recorded words; now:\n{now}").unwrap();
            continue;
        };
        let recorded = recorded.replace("\r\n", "\n");
        if version == RECORDED_WITH {
            if recorded != now {
                writeln!(wrong, "{name}\nrecorded:\n{recorded}\nnow:\n{now}").unwrap();
            }
            continue;
        }
        let (recorded, now) = (ours(&recorded), ours(&now));
        for error in missing(&recorded, &now, version.contains('-')) {
            writeln!(wrong, "{name} does not say:\n{error}\nbut:\n").unwrap();
            now.iter().for_each(|error| writeln!(wrong, "{error}").unwrap());
        }
        if now.len() > recorded.len() {
            writeln!(wrong, "{name} says {} things of ours, and {} are recorded", now.len(), recorded.len()).unwrap();
        }
        errors += recorded.len();
        if recorded.is_empty() {
            silent.push(name.into_owned());
        }
    }
    assert!(wrong.is_empty(), "{wrong}\n`TRYBUILD=overwrite` accepts what is said now");
    if version != RECORDED_WITH && !renewed {
        // Past the harness, which shows what is printed only when a test fails.
        let told = format!(
            "compared with rustc {version}: our {errors} errors. Not compared, because it was recorded with \
             {RECORDED_WITH}: what rustc adds, and all of {}, which only have to fail",
            silent.join(", "),
        );
        writeln!(std::io::stderr(), "{told}").unwrap();
    }
}

#[test]
#[ignore = "a part of `what_does_not`, which runs it"]
fn record() {
    if env::var_os("TRYBUILD").is_some() {
        let cases = trybuild::TestCases::new();
        cases.compile_fail(format!("{NOW}/*.rs"));
    }
}

/// The cases that fail, or those of them that are asked for with `-- trybuild=part_of_the_name`.
fn cases() -> Vec<PathBuf> {
    let asked: Vec<String> =
        env::args().filter_map(|argument| argument.strip_prefix("trybuild=").map(str::to_owned)).collect();
    let files = fs::read_dir(CASES).unwrap().map(|file| file.unwrap().path());
    let mut cases: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .filter(|file| asked.is_empty() || asked.iter().any(|part| file.to_string_lossy().contains(part.as_str())))
        .collect();
    cases.sort();
    cases
}

fn now(case: &Path) -> PathBuf {
    Path::new(NOW).join(case.file_name().unwrap())
}

/// The version of the compiler that cargo uses here, such as "1.95.0".
fn compiler() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or("rustc".into());
    let said = Command::new(rustc).arg("--version").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    said.split_whitespace().nth(1).unwrap().to_owned()
}
