//! What a program can name of `resilience-runtime`, with all of its features, is what `docs/public-api.txt` lists: whatever is added to it or
//! taken from it shows in a review.
//!
//! `UPDATE=1 cargo test -p tests --test public_api` writes the listing anew. It is read from the pages that rustdoc makes: they have what macros
//! write and what comes from other crates, and a stable compiler makes them, which it does not of rustdoc's JSON. Not in the listing are items
//! that are `doc(hidden)`, implementations for every type there is, and the methods of traits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// Another version may print the same in another way. It compares nothing, and says so.
const RECORDED_WITH: &str = "1.95.0";

const LISTING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/public-api.txt");

/// Traits of the compiler's own.
const UNSTABLE: [&str; 3] = ["Freeze", "StructuralPartialEq", "UnsafeUnpin"];

#[test]
fn the_public_api_is_the_one_that_is_listed() {
    let version = output(Command::new("rustdoc").arg("--version"));
    if !version.starts_with(&format!("rustdoc {RECORDED_WITH} ")) {
        println!("NOT CHECKED: the listing is made with rustdoc {RECORDED_WITH}, and this is {version}");
        return;
    }
    let mut listing = String::from(
        "# What a program can name of `resilience-runtime`, with all features. See tests/tests/public_api.rs.\n",
    );
    for (path, page) in pages() {
        let _ = writeln!(listing, "\n# {path}\n{}", item(&page));
    }
    if env::var_os("UPDATE").is_some() {
        fs::write(LISTING, &listing).unwrap();
    }
    let listed = fs::read_to_string(LISTING).unwrap();
    assert!(
        listed == listing,
        "the public API is another one; if it is meant to be: UPDATE=1 cargo test -p tests --test public_api\n{}{}",
        only_in("- ", &listed, &listing),
        only_in("+ ", &listing, &listed)
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

/// The page of each item.
fn pages() -> BTreeMap<String, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let of_all = ["doc", "--quiet", "--locked", "--no-deps", "--all-features", "--package=resilience-runtime"];
    output(Command::new(env!("CARGO")).args(of_all).arg("--target-dir").arg(target));
    let folder = target.join("doc/resilience_runtime");
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let index = read("all.html");
    let links = index.split("<li><a href=\"").skip(1).map(|link| between(link, "", "</a>").split_once("\">").unwrap());
    // Those of the sidebar lead to places on the same page.
    let items = links.filter(|(file, _)| !file.starts_with('#'));
    items.map(|(file, path)| (path.to_owned(), read(file))).collect()
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
