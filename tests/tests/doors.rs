//! The runtime's rooms and the doors between them: a file imports from its own stage or from those before it, and no file imports, by whatever
//! way, from itself.
//!
//! `cargo test -p tests --test doors -- --nocapture` also draws the rooms and their doors, as a Mermaid graph.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, a stage a line. A new one has to be given its place here and in `docs/architecture.md`.
const STAGES: [&[&str]; 8] = [
    &[
        "barrier",
        "caught",
        "cause",
        "error",
        "json",
        "kind",
        "name",
        "next_call",
        "outcome",
        "seqlock",
        "settings",
        "state",
        "sync",
        "time",
        "verdict",
    ],
    &["overlay"],
    &["event", "window"],
    &["builder", "hooks", "keyed", "policy"],
    &["bulkhead", "circuit_breaker", "fallback", "rate_limit", "retry", "timeout"],
    &["registry"],
    &["operate", "pipeline"],
    &["guarded", "guarded_key", "integration", "layers", "private", "span", "stream", "testing", "unwind"],
];

/// A file, as the path of its module below the crate.
type Module = Vec<String>;

/// Each file with the files that it imports from.
fn doors() -> BTreeMap<Module, BTreeSet<Module>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../resilience-runtime/src");
    let files: BTreeMap<Module, String> = files(&root)
        .into_iter()
        // Models look at what is private, from all sides.
        .filter(|file| !file.ends_with("models.rs"))
        .map(|file| (module(file.strip_prefix(&root).unwrap()), code(&fs::read_to_string(&file).unwrap())))
        .collect();
    let imports = |(module, code): (&Module, &String)| {
        let parts = parts(module, code);
        let all = parts
            .iter()
            .flat_map(|(from, code)| paths(code).into_iter().filter_map(|path| file_of(from, &path, &files)));
        (module.clone(), all.filter(|other| other != module).collect())
    };
    files.iter().map(imports).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn module(file: &Path) -> Module {
    let module = file.with_extension("");
    let names = module.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| name != "mod" && name != "lib").collect()
}

/// Without comments.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// A file and the modules that are written out in it, such as its tests, where `super` is the file.
fn parts(module: &Module, code: &str) -> BTreeMap<Module, String> {
    let mut parts = BTreeMap::<Module, String>::new();
    let mut inner = None;
    for line in code.lines() {
        let begin = line
            .split_once("mod ")
            .and_then(|(before, rest)| rest.strip_suffix(" {").filter(|_| !before.starts_with(' ')));
        inner = begin.or(inner.filter(|_| line != "}"));
        let part =
            parts.entry(module.iter().map(String::as_str).chain(inner).map(str::to_owned).collect()).or_default();
        *part += line;
        part.push('\n');
    }
    parts
}

/// Every path that begins with `crate` or `super`, those of a group one by one.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for begin in ["crate::", "super::"] {
        for (at, _) in code.match_indices(begin) {
            let is_a_word =
                code[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_');
            let goes_on = code[..at].ends_with("::");
            if !is_a_word && !goes_on {
                expand(&[], &code[at..], &mut paths);
            }
        }
    }
    paths
}

/// The paths that a tree of imports stands for; what is behind it.
fn expand<'c>(before: &[String], tree: &'c str, paths: &mut Vec<Vec<String>>) -> &'c str {
    let mut path = before.to_vec();
    let mut rest = tree;
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            rest = group.trim_start();
            while !rest.starts_with('}') && !rest.is_empty() {
                rest = expand(&path, rest, paths).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            return rest.get(1..).unwrap_or("");
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            // A star, or something that is no import at all: the path so far says enough.
            paths.push(path);
            return rest.trim_start_matches('*');
        }
        path.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(further) => rest = further,
            None => {
                assert!(
                    !rest.starts_with(" as ") || rest.starts_with(" as _"),
                    "`{}` has another name here",
                    path.join("::")
                );
                paths.push(path);
                return rest;
            }
        }
    }
}

/// The file that has what a path names; none for a macro's `crate::$name`.
fn file_of(from: &Module, path: &[String], files: &BTreeMap<Module, String>) -> Option<Module> {
    let mut module = if path[0] == "crate" { Module::new() } else { from.clone() };
    for name in path {
        match &**name {
            "crate" | "self" => {}
            "super" => drop(module.pop()),
            name => {
                module.push(name.to_owned());
                if !files.contains_key(&module) {
                    module.pop();
                    break;
                }
            }
        }
    }
    // At its front the crate has what comes from all rooms.
    assert!(
        !module.is_empty() || path == ["crate"],
        "{} names {} by the front of the crate",
        from.join("::"),
        path.join("::")
    );
    (!module.is_empty()).then_some(module)
}

fn stage(module: &Module) -> usize {
    let stage = STAGES.iter().position(|rooms| rooms.contains(&&*module[0]));
    stage.unwrap_or_else(|| panic!("`{}` is in no stage: give it one", module.join("::")))
}

#[test]
fn no_door_leads_back() {
    let doors = doors();
    let back: Vec<String> = doors
        .iter()
        .filter(|(from, _)| !from.is_empty())
        .flat_map(|(from, to)| to.iter().map(move |to| (from, to)))
        .filter(|(from, to)| stage(to) > stage(from))
        .map(|(from, to)| format!("{} imports from {}", from.join("::"), to.join("::")))
        .collect();
    assert!(back.is_empty(), "{}", back.join("\n"));
}

#[test]
fn no_file_imports_from_itself_by_whatever_way() {
    let doors = doors();
    let mut circles = Vec::new();
    for start in doors.keys() {
        let mut seen = BTreeMap::from([(start, start)]);
        let mut next = vec![start];
        while let Some(module) = next.pop() {
            for to in &doors[module] {
                if to == start {
                    // From the last file of the circle back to its first.
                    let way = std::iter::successors(Some(module), |at| (*at != start).then(|| seen[at]));
                    let mut way: Vec<String> = way.map(|module| module.join("::")).collect();
                    way.reverse();
                    circles.push(way.join(" -> "));
                } else if seen.insert(to, module).is_none() {
                    next.push(to);
                }
            }
        }
    }
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
}

#[test]
fn what_meets_other_crates_is_made_of_what_everybody_can_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../resilience-runtime/src");
    let front = fs::read_to_string(root.join("lib.rs")).unwrap();
    let public: BTreeSet<&str> = front
        .split("pub use ")
        .skip(1)
        .flat_map(|names| names.split(';').next().unwrap().split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    let files = files(&root.join("integration"));
    let hidden: Vec<String> = files
        .iter()
        .flat_map(|file| paths(&code(&fs::read_to_string(file).unwrap())))
        .filter(|path| path[0] == "crate" && path.get(1).is_none_or(|room| room != "integration"))
        .filter(|path| !public.contains(&**path.last().unwrap()))
        .map(|path| path.join("::"))
        .collect();
    assert!(files.len() >= 12 && hidden.is_empty(), "not public: {hidden:#?}");
}

#[test]
fn the_rooms_can_be_drawn() {
    let doors = doors();
    let between: BTreeSet<(&str, &str)> = doors
        .iter()
        .filter(|(from, _)| !from.is_empty())
        .flat_map(|(from, to)| to.iter().map(move |to| (&*from[0], &*to[0])))
        .filter(|(from, to)| from != to)
        .collect();
    assert!(between.contains(&("registry", "policy")) && between.contains(&("retry", "event")), "{between:?}");
    println!("graph RL");
    for (number, rooms) in STAGES.iter().enumerate() {
        println!("    subgraph stage {number}\n        {}\n    end", rooms.join("\n        "));
    }
    for (from, to) in between {
        println!("    {from} --> {to}");
    }
}

/// What a type is called at the beginning of a line or behind `pub`: those that belong to a trait mean what the trait says.
fn type_names(code: &str) -> Vec<&str> {
    let names = code.lines().filter_map(|line| {
        let is_associated = line.starts_with(' ') && line.trim_start().starts_with("type ");
        let line = line.trim_start();
        let line = line.strip_prefix("pub").map_or(line, |rest| match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(") ").map_or("", |(_, rest)| rest),
            None => rest.trim_start(),
        });
        let line = line.strip_prefix("unsafe ").unwrap_or(line);
        let name = ["struct ", "enum ", "union ", "trait ", "type "].iter().find_map(|word| line.strip_prefix(word))?;
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        (!is_associated && !name[..end].is_empty()).then_some(&name[..end])
    });
    names.collect()
}

#[test]
fn a_type_name_means_one_thing() {
    for (krate, at_least) in [("runtime", 200), ("macros", 40), ("config", 15)] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../resilience-{krate}/src"));
        let mut places = BTreeMap::<String, BTreeSet<String>>::new();
        for file in files(&root) {
            let file = (file.strip_prefix(&root).unwrap().display().to_string(), file);
            // Where the models have another one in its place, it means the same: one file. What the macros are tested with is no part of them.
            if file.0.ends_with("models.rs") || krate == "macros" && file.0.starts_with("tests") {
                continue;
            }
            for name in type_names(&code(&fs::read_to_string(&file.1).unwrap())) {
                places.entry(name.to_owned()).or_default().insert(file.0.clone());
            }
        }
        assert!(places.len() > at_least, "{} types of resilience-{krate} are too few to believe", places.len());
        places.retain(|_, files| files.len() > 1);
        assert!(places.is_empty(), "names with two meanings in resilience-{krate}: {places:#?}");
    }
}
