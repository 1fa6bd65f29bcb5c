//! What a program can name of `resilience-runtime` is what `docs/public-api.txt` lists, with all features that are not about another crate, and what
//! those add is in `docs/public-api-integrations.txt`: whatever is added to it or taken from it shows in a review.
//!
//! `UPDATE=1 cargo test -p tests --test public_api` writes the listing anew; with `-- --ignored`, that of the features for other crates, which compiles all of these
//! crates. It is read from the pages that rustdoc makes: they have what macros
//! write and what comes from other crates, and a stable compiler makes them, which it does not of rustdoc's JSON. Not in the listing are items
//! that are `doc(hidden)`, implementations for every type there is, and the methods of traits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::{env, fs};

/// Another version may print the same in another way. It compares nothing, and says so.
const RECORDED_WITH: &str = "1.95.0";

const LISTING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/public-api.txt");
const OF_INTEGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/public-api-integrations.txt");

/// The features that are about the library alone.
const OWN: &str = "--features=config,persistence,serde,stream,test-util,tracing";

/// Traits of the compiler's own.
const UNSTABLE: [&str; 3] = ["Freeze", "StructuralPartialEq", "UnsafeUnpin"];

#[test]
fn the_public_api_is_the_one_that_is_listed() {
    if is_recorded_version() {
        let head = "# What a program can name of `resilience-runtime`, with all features but those for other crates. See tests/tests/public_api.rs.";
        compare(LISTING, &listing(head, items(OWN)), "");
    }
}

#[test]
#[ignore = "compiles every crate for which there is a feature"]
fn what_the_features_for_other_crates_add_is_what_is_listed() {
    if is_recorded_version() {
        let own = items(OWN);
        let added = items("--all-features").into_iter().filter_map(|(path, page)| {
            let before = own.get(&path).map_or("", |page| page);
            let lines: Vec<String> = page.lines().filter_map(|line| added_to(before, line)).collect();
            (!lines.is_empty()).then(|| (path, lines.join("\n")))
        });
        let head = "# What the features for other crates add to docs/public-api.txt. See tests/tests/public_api.rs.";
        compare(OF_INTEGRATIONS, &listing(head, added.collect()), " -- --ignored");
    }
}

/// The line, unless it is on the page already; of a line of traits, those that are not.
fn added_to(page: &str, line: &str) -> Option<String> {
    let traits = |line: &str| {
        line.strip_prefix("impl ")
            .and_then(|line| line.split_once(" for "))
            .map(|(traits, of)| (traits.split(" + ").map(str::to_owned).collect::<BTreeSet<_>>(), of.to_owned()))
    };
    match traits(line) {
        Some((names, of)) => {
            let before = page.lines().filter_map(traits).find(|(_, same)| *same == of).unwrap_or_default().0;
            let new: Vec<String> = names.difference(&before).cloned().collect();
            (!new.is_empty()).then(|| format!("impl {} for {of}", new.join(" + ")))
        }
        None => page.lines().all(|same| same != line).then(|| line.to_owned()),
    }
}

fn is_recorded_version() -> bool {
    let version = output(Command::new("rustdoc").arg("--version"));
    let is_recorded = version.starts_with(&format!("rustdoc {RECORDED_WITH} "));
    if !is_recorded {
        println!("NOT CHECKED: the listing is made with rustdoc {RECORDED_WITH}, and this is {version}");
    }
    is_recorded
}

fn listing(head: &str, items: BTreeMap<String, String>) -> String {
    items.into_iter().fold(format!("{head}\n"), |listing, (path, item)| format!("{listing}\n# {path}\n{item}\n"))
}

fn compare(file: &str, listing: &str, further: &str) {
    if env::var_os("UPDATE").is_some() {
        fs::write(file, listing).unwrap();
    }
    let listed = fs::read_to_string(file).unwrap();
    assert!(
        listed == listing,
        "the public API is another one; if it is meant to be: UPDATE=1 cargo test -p tests --test public_api{further}\n{}{}",
        only_in("- ", &listed, listing),
        only_in("+ ", listing, &listed)
    );
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn only_in(sign: &str, text: &str, other: &str) -> String {
    let lines = text.lines().filter(|line| !other.lines().any(|same| same == *line));
    lines.map(|line| format!("{sign}{line}\n")).collect()
}

/// What the page of each item says of it, by its path.
fn items(features: &str) -> BTreeMap<String, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("doc/resilience_runtime");
    // Both listings are made in one place, one after the other: what only the other has would stay there.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let _ = fs::remove_dir_all(&folder);
    let documented = ["doc", "--quiet", "--locked", "--no-deps", "--package=resilience-runtime", features];
    output(Command::new(env!("CARGO")).args(documented).arg("--target-dir").arg(target));
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let index = read("all.html");
    let links = index.split("<li><a href=\"").skip(1).map(|link| between(link, "", "</a>").split_once("\">").unwrap());
    // Those of the sidebar lead to places on the same page.
    let pages = links.filter(|(file, _)| !file.starts_with('#'));
    pages.map(|(file, path)| (path.to_owned(), item(&read(file)))).collect()
}

/// As it is declared, with what is implemented for it.
fn item(page: &str) -> String {
    let mut listing = plain(between(page, "item-decl\"><code>", "</code></pre>"));
    // An alias has the methods of what it stands for, and that has a page of its own.
    if page.contains("id=\"aliased-type\"") {
        return listing;
    }
    // What it dereferences to has methods in the middle.
    let (page, rest) = page.split_once("id=\"deref-methods").unwrap_or((page, ""));
    let traits = rest.split_once("id=\"trait-implementations\"").map_or("", |(_, traits)| traits);
    let page = format!("{page}{traits}");
    let page = page.split("id=\"blanket-implementations\"").next().unwrap();
    let mut traits = BTreeMap::<(String, String), Vec<String>>::new();
    let mut block = String::new();
    for section in page.split("<section id=\"").skip(1).filter(|section| section.contains("code-header")) {
        let class = between(section, "class=\"", "\"");
        let header = one_line(&plain(between(section, "class=\"code-header\">", "</h")));
        match class {
            "impl" => match header.rsplit_once(" for ") {
                Some((implements, of)) => {
                    let (generics, name) = generics(implements);
                    if !UNSTABLE.contains(&name.trim_start_matches('!')) {
                        traits.entry((generics.to_owned(), of.to_owned())).or_default().push(name.to_owned());
                    }
                }
                // One after another, from several files.
                None if header == block => {}
                None => {
                    let _ = write!(listing, "\n{header}");
                    block = header;
                }
            },
            "method" | "associatedconstant" => drop(write!(listing, "\n    {header}")),
            _ => {}
        }
    }
    for ((generics, of), names) in traits {
        let _ = write!(listing, "\nimpl{generics} {} for {of}", names.join(" + "));
    }
    listing
}

/// What is between the first `start` and the `end` that follows.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, text) = text.split_once(start).unwrap_or_else(|| panic!("rustdoc writes `{start}` no more"));
    text.split_once(end).unwrap().0
}

/// `impl<T> Trait<T>` as its generics and the rest.
fn generics(implements: &str) -> (&str, &str) {
    let implements = implements.strip_prefix("impl").unwrap();
    let mut depth = 0;
    let end = implements.find(|c| {
        depth += i32::from(c == '<') - i32::from(c == '>');
        depth == 0
    });
    let (generics, name) = implements.split_at(end.unwrap() + usize::from(depth == 0 && implements.starts_with('<')));
    (generics, name.trim())
}

/// Without tags, and without what only a reader with a mouse sees.
fn plain(html: &str) -> String {
    let mut text = String::new();
    for (nth, part) in html.split('<').enumerate() {
        let (tag, rest) = if nth == 0 { ("", part) } else { part.split_once('>').unwrap() };
        match tag {
            "/div" => text.push('\n'),
            _ if tag.starts_with("div class=\"where") => text.push(' '),
            _ => {}
        }
        // The handle of a long list, and the sign at a type whose traits are worth a look.
        if !rest.starts_with("Show ") && rest != "ⓘ" {
            text += rest;
        }
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&nbsp;", " ").replace("&amp;", "&").trim().to_owned()
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace("( ", "(").replace(", )", ")").trim_end_matches(',').to_owned()
}
