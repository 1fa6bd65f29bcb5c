//! The file by which the breakers are steered while the storefront runs.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use resilience_runtime::{ConfigureError, ConfigureReport, Watch, registry};

/// Read where no other file is named and this one is there.
const DEFAULT_PATH: &str = "resilience.toml";

/// A file that is followed, and what has come of it.
#[derive(Debug, Default)]
pub(crate) struct Steering {
    news: Option<Receiver<String>>,
    _watch: Option<Watch>,
}

impl Steering {
    /// Follows `path`, or `resilience.toml` in the current directory if there is one.
    pub(crate) fn follow(path: Option<&Path>) -> Result<Self, ConfigureError> {
        let path = match path {
            Some(path) => path.to_owned(),
            None if Path::new(DEFAULT_PATH).exists() => PathBuf::from(DEFAULT_PATH),
            None => return Ok(Self::default()),
        };
        let (sender, news) = channel();
        let (file, to_show) = (path.display().to_string(), sender.clone());
        let watch = registry()
            .watcher(&path)
            .every(Duration::from_millis(250))
            // Whoever shows the news may be gone already.
            .on_reload(move |done| drop(to_show.send(told(&file, done))))
            .start()?;
        drop(sender.send(told(&path.display().to_string(), &Ok(watch.report().clone()))));
        Ok(Self { news: Some(news), _watch: Some(watch) })
    }

    /// What has happened since it was last asked.
    pub(crate) fn news(&self) -> Vec<String> {
        self.news.iter().flat_map(Receiver::try_iter).collect()
    }
}

fn told(file: &str, done: &Result<ConfigureReport, ConfigureError>) -> String {
    match done {
        Ok(report) => {
            let changes = report
                .changes
                .iter()
                .map(|change| format!("\n  {} {}: {}", change.kind, change.name, change.keys.join(", ")));
            let warnings = report.warnings.iter().map(|warning| format!("\n  {warning}"));
            format!("{file} is in force{}", changes.chain(warnings).collect::<String>())
        }
        Err(error) => {
            let lines: String = error.to_string().lines().map(|line| format!("\n  {line}")).collect();
            format!("{file} is refused, and what was in force stays{lines}")
        }
    }
}
