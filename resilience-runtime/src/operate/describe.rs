//! A program's guarded functions and their policies, for people to read.

use crate::kind::Kind;
use crate::name::Name;
use crate::registry::{EachKind, Kept, KeyValue, KindAndName, Layer, Operation, Registry, for_each_kind};
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};
use std::sync::Arc;

/// Every guarded function of the program, the policies around it and the names that they share; before anything was called. And every [`Pipeline`](crate::Pipeline) that there is.
///
/// It is printed as a table of plain text, or by [`mermaid`](Self::mermaid) as a graph.
#[derive(Clone, Debug)]
pub struct Description {
    operations: Vec<&'static Operation>,
    /// By name, each with its policies from the outermost to the innermost.
    pipelines: Vec<(Name, Arc<[KindAndName]>)>,
    /// Policies of the registry that no attribute names and no pipeline has.
    by_hand: Vec<(Kind, Name)>,
}

impl Registry {
    /// Describes the program: each guarded function with its place, its policies from the outermost to the innermost, their names and
    /// what was written about them. A name that several functions share is marked.
    ///
    /// ```
    /// # use resilience_runtime::{Rejection, registry, retry};
    /// #[retry(attempts = 5)]
    /// async fn stock() -> Result<u32, Rejection> {
    ///     Ok(7)
    /// }
    /// let table = registry().describe().to_string();
    /// assert!(table.contains("attempts = 5"), "{table}");
    /// ```
    pub fn describe(&self) -> Description {
        let operations: Vec<_> = self.operations().collect();
        let pipelines = self.pipelines();
        let mut known: HashSet<_> = operations.iter().flat_map(|operation| operation.policies()).collect();
        known.extend(pipelines.iter().flat_map(|(_, policies)| policies.iter().cloned()));
        let by_hand = self.names().into_iter().filter(|policy| !known.contains(policy)).collect();
        Description { operations, pipelines, by_hand }
    }

    /// Every policy of this registry, by kind and name.
    fn names(&self) -> Vec<(Kind, Name)> {
        struct Names<'a>(&'a Registry, Vec<(Kind, Name)>);

        impl EachKind for Names<'_> {
            fn kind<P: Kept>(&mut self) {
                let Self(registry, names) = self;
                names.extend(registry.of_kind::<P>().all().iter().map(|policy| (P::KIND, policy.name().clone())));
            }
        }

        let mut names = Names(self, Vec::new());
        for_each_kind(&mut names);
        names.1
    }
}

fn layers<'o>(operations: &'o [&'static Operation]) -> impl Iterator<Item = &'static Layer> + use<'o> {
    operations.iter().flat_map(|operation| operation.layers())
}

/// What a function's attribute has to say about its policy.
fn configured(layer: &'static Layer) -> String {
    if let Layer::Fallback(fallback) = layer {
        return fallback.path.to_owned();
    }
    let written = layer.written();
    if !written.is_empty() {
        return list(&written);
    }
    match layer.configured_at() {
        Some(elsewhere) => format!("as at {}", elsewhere.location()),
        None => "by default".to_owned(),
    }
}

fn list(settings: &[KeyValue]) -> String {
    settings.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The table.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["function", "place", "policy", "name", "configured"].map(str::to_owned)];
        let mut is_shared = false;
        for operation in &self.operations {
            for (nth, layer) in operation.layers().iter().enumerate() {
                let mut name = layer.policy().map_or_else(String::new, |name| name.to_string());
                if layer.shared_by() > 1 {
                    name += " *";
                    is_shared = true;
                }
                let (path, location) =
                    if nth == 0 { (operation.path(), operation.location()) } else { Default::default() };
                rows.push([path, location, layer.kind().to_string(), name, configured(layer)]);
            }
        }
        for (pipeline, policies) in &self.pipelines {
            for (nth, (kind, name)) in policies.iter().enumerate() {
                let [path, place] =
                    if nth == 0 { [pipeline.to_string(), "(pipeline)".to_owned()] } else { Default::default() };
                rows.push([path, place, kind.to_string(), name.to_string(), String::new()]);
            }
        }
        for (kind, name) in &self.by_hand {
            rows.push(["(by hand)".to_owned(), String::new(), kind.to_string(), name.to_string(), String::new()]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        for row in &rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        if is_shared {
            writeln!(f, "\n* one policy for all functions that name it")?;
        }
        Ok(())
    }
}

impl Description {
    /// The guarded functions, by crate, file and line.
    pub fn operations(&self) -> &[&'static Operation] {
        &self.operations
    }

    /// A [Mermaid](https://mermaid.js.org) graph: an arrow from each function to each of its policies, numbered from the outermost
    /// to the innermost. A policy that several functions share is one node, with a thick border.
    pub fn mermaid(&self) -> String {
        let mut graph = String::from("graph LR\n    classDef shared stroke-width:4px\n");
        let mut nodes: HashMap<(Kind, Name), usize> = HashMap::new();
        for (function, operation) in self.operations.iter().enumerate() {
            line(&mut graph, format_args!("f{function}([\"{}\"])", escaped(&operation.path())));
            for (nth, layer) in operation.layers().iter().enumerate() {
                // A fallback belongs to its function; two functions of a macro may stand in one place.
                let of_function = || Name::from(function.to_string());
                let name = layer.policy().unwrap_or_else(of_function);
                let new = nodes.len();
                let node = *nodes.entry((layer.kind(), name)).or_insert(new);
                if node == new {
                    self.node(&mut graph, node, layer);
                }
                line(&mut graph, format_args!("f{function} -- {} --> p{node}", nth + 1));
            }
        }
        for (nth, (pipeline, policies)) in self.pipelines.iter().enumerate() {
            line(&mut graph, format_args!("q{nth}([\"{}\"])", escaped(pipeline)));
            for (layer, (kind, name)) in policies.iter().enumerate() {
                let new = nodes.len();
                let node = *nodes.entry((*kind, name.clone())).or_insert(new);
                if node == new {
                    line(&mut graph, format_args!("p{node}[\"{kind} {}\"]", escaped(name)));
                }
                line(&mut graph, format_args!("q{nth} -- {} --> p{node}", layer + 1));
            }
        }
        for (kind, name) in &self.by_hand {
            let node = nodes.len();
            nodes.insert((*kind, name.clone()), node);
            line(&mut graph, format_args!("p{node}[\"{kind} {}\"]", escaped(name)));
        }
        graph
    }

    fn node(&self, graph: &mut String, node: usize, layer: &'static Layer) {
        let shared = if layer.shared_by() > 1 { ":::shared" } else { "" };
        let (name, written) = match layer.name() {
            // Where the keys are written, whichever function comes first.
            Some(name) => {
                let mut same = layers(&self.operations)
                    .filter(|other| other.kind() == layer.kind() && other.name() == Some(name))
                    .map(Layer::written);
                (format!(" {name}"), list(&same.find(|written| !written.is_empty()).unwrap_or_default()))
            }
            None if matches!(layer, Layer::Fallback(_)) => (String::new(), configured(layer)),
            None => (String::new(), list(&layer.written())),
        };
        let written = if written.is_empty() { written } else { format!("<br/>{}", escaped(&written)) };
        line(graph, format_args!("p{node}[\"{}{}{written}\"]{shared}", layer.kind(), escaped(&name)));
    }
}

fn line(graph: &mut String, line: fmt::Arguments<'_>) {
    // Writing to a `String` does not fail.
    let _ = writeln!(graph, "    {line}");
}

/// What may stand in a label in quotes. Mermaid knows characters by number. No name has control characters in it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            // Two `%` begin a comment for some of its versions, wherever they stand.
            '"' | '#' | '<' | '>' | '&' | '`' | '\\' | '[' | ']' | '{' | '}' | '|' | ';' | '%' => {
                escaped += &format!("#{};", u32::from(character));
            }
            character => escaped.push(character),
        }
    }
    escaped
}
