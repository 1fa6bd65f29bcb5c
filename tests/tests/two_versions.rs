//! A program with two versions of the library in it, as one has them whose dependencies are not all up to date: it is built and run.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

const CRATES: [&str; 3] = ["resilience-config", "resilience-macros", "resilience-runtime"];

/// Writes what is new, so that a second run compiles nothing.
fn write(to: &Path, text: String) -> io::Result<()> {
    if fs::read_to_string(to).is_ok_and(|there| there == text) { Ok(()) } else { fs::write(to, text) }
}

fn copy(from: &Path, to: &Path, change: &dyn Fn(String) -> String) -> io::Result<()> {
    if from.is_file() {
        return write(to, change(fs::read_to_string(from)?));
    }
    fs::create_dir_all(to)?;
    fs::read_dir(from)?.try_for_each(|entry| {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()), change)
    })
}

/// This library as it would be released in another version: with that in its manifests, and in the name of the linker's slice.
fn release(repository: &Path, to: &Path, version: &str) {
    let manifest = fs::read_to_string(repository.join("Cargo.toml")).unwrap();
    let ours = manifest.split("\nversion = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let forms = |version: &str| {
        [format!("version = \"{version}\""), format!("\"={version}\""), format!("_{}", version.replace('.', "_"))]
    };
    let change = |text: String| forms(ours).iter().zip(forms(version)).fold(text, |text, (a, b)| text.replace(a, &b));
    for name in CRATES {
        fs::create_dir_all(to.join(name)).unwrap();
        for part in ["Cargo.toml", "src"] {
            copy(&repository.join(name).join(part), &to.join(name).join(part), &change).unwrap();
        }
    }
    let (head, members) = manifest.split_once("\nmembers = [").unwrap();
    let package = &members[members.find("\n[workspace.package]").unwrap()..];
    write(&to.join("Cargo.toml"), change(format!("{head}\nmembers = {CRATES:?}\n{package}"))).unwrap();
}

#[test]
fn two_versions_in_one_program_do_not_see_each_other() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two_versions");
    let program = directory.join("program");
    let versions = [("one", "0.0.7"), ("other", "0.0.8")];
    versions.iter().for_each(|(name, version)| release(repository, &directory.join(name), version));
    let runtime =
        |name: &str| format!("{{ package = \"resilience-runtime\", path = \"../{name}/resilience-runtime\" }}");
    let manifest = "[package]\nname = \"program\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n";
    let dependencies = versions.map(|(name, _)| format!("{name} = {}\n", runtime(name)));
    fs::create_dir_all(program.join("src")).unwrap();
    write(&program.join("Cargo.toml"), format!("{manifest}{}", dependencies.concat())).unwrap();
    // What the workspace is built of is there already.
    fs::copy(repository.join("Cargo.lock"), program.join("Cargo.lock")).unwrap();
    copy(&repository.join("tests/two_versions/main.rs"), &program.join("src/main.rs"), &|text| text).unwrap();

    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--offline", "--target-dir"]).arg(directory.join("target"));
    let output = cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").current_dir(&program).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"two versions\n", "{said}");
}
