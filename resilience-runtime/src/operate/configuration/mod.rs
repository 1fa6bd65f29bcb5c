//! Configuration from outside of the program: `resilience.toml`, overlays and the environment.
//!
//! `document` and `environment` read what is written, `tables` what both have in common; `kinds` checks it against every policy that the program knows and puts it in
//! force; `watch` follows a file. How values are laid over each other is in `crate::overlay`; the registry also builds by it.

mod document;
mod environment;
mod error;
mod kinds;
mod tables;
mod watch;

pub use error::{Change, ConfigWarning, ConfigureError, ConfigureReport, Mistake};
pub use watch::{Watch, Watcher};

use crate::event::{Audience, Event, Topic, Untold};
use crate::name::Name;
use crate::registry::{Outside, Registry, Tables, for_each_kind};
use crate::sync::locked;
use resilience_config::names;
use std::path::Path;

/// Where [`Registry::configure`] is told which file to read.
const PATH_VARIABLE: &str = "RESILIENCE_CONFIG";
/// What it reads where it is not told.
const DEFAULT_PATH: &str = "resilience.toml";
const ENVIRONMENT: &str = "environment";

/// How many overlays there may be.
pub const MAX_OVERLAYS: usize = 64;

/// What sources are replaced by; `None` takes one away.
#[derive(Default)]
struct Next {
    sources: Vec<(Outside, Option<Tables>)>,
    warnings: Vec<ConfigWarning>,
}

/// Configuration from outside of the program (feature `config`).
///
/// ```toml
/// [defaults.circuit_breaker]      # what attributes leave open
/// window = "30s"
///
/// [circuit_breaker.payment]       # by name, over the attribute
/// failure_rate = 30
/// mode = "monitor"
///
/// [circuit_breaker."payment*"]    # by pattern; the exact name goes first, then the pattern with more characters
/// open_for = "10s"
///
/// [circuit_breaker.payment.key."acme, 7"]   # one of its keys, as it is shown between the brackets of `payment[acme, 7]`
/// force_open = true
///
/// [retry."shop::reserve"]         # a policy without a name of its own, as it is shown
/// enabled = false                 # lets every call pass and counts nothing; of a breaker the same as mode = "off"
/// ```
///
/// `causes = false` above the first table, or `RESILIENCE__CAUSES=false`, keeps unsaid what failures say ([`Cause`](crate::Cause)), in events, snapshots and spans: the text
/// of an error may hold a secret. What was told before is not taken back.
///
/// The keys of each kind are those of its attribute and `enabled`, with the same values, bounds and sentences; words stand in quotes. What is
/// a part of the program cannot be set (`failure_if`, `key`, `trip_if`, …). A breaker has one key more, `force_open = true`: it is forced open while
/// that is there, and as its `mode` says again when it is gone; what is done by hand meanwhile holds until the key changes.
///
/// **The value of a key** is the first that is written of: environment, [overlays](Self::overlay) by name, file by name, attribute or builder, `[defaults.KIND]` of overlays and file. After those comes the
/// preset, then the built-in default. A preset that the environment, a table for the name or the attribute names is their word: what it says of a key goes before
/// `[defaults.KIND]`. Every snapshot's `settings` say which value is in force and where it came from.
///
/// **The lines of a key** go before all that is said of the policy, the environment's word included, and hold whenever that key is there: from its first call, and again after it had made room for
/// another one. What is done by hand to all keys meanwhile leaves the values that a key's lines have put in force.
///
/// **Environment variables** are `RESILIENCE__KIND__NAME__KEY`, in capitals, with `_` for whatever is neither a letter nor a digit:
/// `RESILIENCE__CIRCUIT_BREAKER__PAYMENT__FAILURE_RATE=30`. Where two known names would be written alike, the variable is refused. A variable cannot say how a single key is written, so the lines
/// of keys, patterns and defaults stand in files alone; a [warning](ConfigureReport::warnings) says so of one that tries.
///
/// **All or nothing.** Everything is checked before the first value is put in force: each value, and each policy that the program knows, called or not, with the
/// values laid over what its attribute says. Policies that exist are reconfigured in place and keep what they know; those that are built later are
/// built so. A policy of which nothing changes is left alone, with whatever `reconfigure` has set by hand; one of which something changes is
/// put as the layers say, and what was set by hand is gone.
///
/// A configuration replaces the one from the same source (a file or text, an overlay of that name, the environment): what is no longer written is as the program says again.
///
/// **What has no effect** is no error: a name that nothing has so far, a variable that says nothing, `max_queue` or `max_wait` of a function whose attribute
/// does not write that key, and which was therefore compiled so that it never waits. The report's [`warnings`](ConfigureReport::warnings) tell it; write
/// them to the log.
///
/// At most 1 MiB is read.
impl Registry {
    /// Reads the file that `RESILIENCE_CONFIG` names, or else `resilience.toml` in the current directory if there is one, and the environment.
    /// An empty `RESILIENCE_CONFIG` names none.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with either, and with the file that `RESILIENCE_CONFIG` names if there is none; nothing has changed then.
    pub fn configure(&self) -> Result<ConfigureReport, ConfigureError> {
        let named = std::env::var_os(PATH_VARIABLE).filter(|path| !path.is_empty());
        let path = Path::new(named.as_deref().unwrap_or(DEFAULT_PATH.as_ref()));
        // What is no text is no name and no value that there is, and is told as such.
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        let file = match named.is_some() || path.exists() {
            true => read(path),
            false => Ok(Tables::default()),
        };
        let source = document::shown(path);
        let next = match (file, environment::parse(variables)) {
            (Ok(file), Ok((environment, warnings))) => {
                let sources = vec![(Outside::File, Some(file)), (Outside::Environment, Some(environment))];
                Ok(Next { sources, warnings })
            }
            (Err(ConfigureError::Mistakes(of_file)), Err(ConfigureError::Mistakes(of_variables))) => {
                Err(ConfigureError::Mistakes([of_file, of_variables].concat()))
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        self.put(source, next)
    }

    /// Reads a file, in place of the file or text before.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, and everything that is wrong in it; nothing has changed then.
    pub fn configure_from_file(&self, path: impl AsRef<Path>) -> Result<ConfigureReport, ConfigureError> {
        let path = path.as_ref();
        self.put(document::shown(path), read(path).map(of_file))
    }

    /// Takes a text for a file; in reports it is called `text`.
    ///
    /// ```
    /// use resilience_runtime::{CircuitBreaker, registry};
    ///
    /// registry().configure_from_str("[circuit_breaker.mail]\nfailure_rate = 30")?;
    /// let mail = CircuitBreaker::builder("mail").failure_rate(50.0).register()?;
    /// let rate = &mail.snapshot().settings[0];
    /// assert_eq!((rate.key, rate.value.as_str(), rate.source.to_string().as_str()), ("failure_rate", "30", "text:2"));
    ///
    /// let error = registry().configure_from_str("[circuit_breaker.mail]\nfailure_rate = 300").unwrap_err();
    /// assert_eq!(error.to_string(), "text:2:16: `failure_rate` must be greater than 0 and at most 100");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong in it; nothing has changed then.
    pub fn configure_from_str(&self, text: &str) -> Result<ConfigureReport, ConfigureError> {
        let path = Name::from("text");
        self.put(path.clone(), document::parse(path, text).map(of_file))
    }

    /// Takes these variables for the environment; those without the prefix `RESILIENCE__` are passed over.
    ///
    /// # Errors
    ///
    /// Every variable whose value is wrong; nothing has changed then.
    pub fn configure_from_environment(
        &self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<ConfigureReport, ConfigureError> {
        let next = environment::parse(variables)
            .map(|(environment, warnings)| Next { warnings, ..Next::of(Outside::Environment, environment) });
        self.put(Name::from(ENVIRONMENT), next)
    }

    /// Lays a text over the file, as one more source of that name, or in place of what the overlay of that name has said: such as what a database has, what is written for one environment over what
    /// is written for all, or what an operator wants for now. It has the form of the file.
    ///
    /// Overlays lie over each other in the order in which their names came first, the last above all others, and the environment above it; replacing one leaves it in its place. Each lies over those
    /// below it as a whole: its table for a pattern goes before a table for the exact name further down. So a value is found by looking into the environment, into each overlay from
    /// the last to the first, and into the file, and then into the `[defaults.KIND]` of each in the same order. Reports, settings and mistakes give the name and the line, `database:2`.
    ///
    /// A report's warnings are about all sources together.
    ///
    /// ```
    /// use resilience_runtime::{CircuitBreaker, registry};
    ///
    /// let mail = CircuitBreaker::builder("mail").failure_rate(50.0).register()?;
    /// registry().configure_from_str("[circuit_breaker.mail]\nfailure_rate = 30\nopen_for = \"5s\"")?;
    /// registry().overlay("database", "[circuit_breaker.mail]\nfailure_rate = 20")?;
    /// let told = || {
    ///     let of = |key| mail.snapshot().settings.into_iter().find(|setting| setting.key == key).unwrap();
    ///     ["failure_rate", "open_for"].map(of).map(|setting| format!("{} ({})", setting.value, setting.source))
    /// };
    /// assert_eq!(told(), ["20 (database:2)", "5s (text:3)"]);
    ///
    /// registry().remove_overlay("database")?;
    /// assert_eq!(told(), ["30 (text:2)", "5s (text:3)"]);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong in it, with what the other sources say; a name that is empty, too long or has control characters; a name more where there are [`MAX_OVERLAYS`] already. Nothing has
    /// changed then.
    pub fn overlay(&self, name: impl Into<Name>, text: &str) -> Result<ConfigureReport, ConfigureError> {
        let name = name.into();
        let next = check_name(&name).and_then(|()| document::parse(name.clone(), text));
        self.put(name.clone(), next.map(|says| Next::of(Outside::Overlay(name), says)))
    }

    /// As [`overlay`](Self::overlay), with the text of a file, whose path is given in reports.
    ///
    /// ```no_run
    /// # use resilience_runtime::registry;
    /// registry().configure_from_file("base.toml")?;
    /// registry().overlay_from_file("environment", "production.toml")?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As of `overlay`, and a file that cannot be read.
    pub fn overlay_from_file(
        &self,
        name: impl Into<Name>,
        path: impl AsRef<Path>,
    ) -> Result<ConfigureReport, ConfigureError> {
        let (name, path) = (name.into(), path.as_ref());
        let next = check_name(&name).and_then(|()| read(path));
        self.put(document::shown(path), next.map(|says| Next::of(Outside::Overlay(name), says)))
    }

    /// Takes an overlay away: what it said is as the sources below it say. `None` where there is none of that name.
    ///
    /// # Errors
    ///
    /// What is wrong with the other sources without it, as where a value of theirs only goes together with one of its own. Nothing has changed then.
    pub fn remove_overlay(&self, name: &str) -> Result<Option<ConfigureReport>, ConfigureError> {
        let known = locked(self.sources()).overlays().find(|known| **known == *name).cloned();
        let Some(name) = known else { return Ok(None) };
        let sources = vec![(Outside::Overlay(name.clone()), None)];
        self.put(name, Ok(Next { sources, warnings: Vec::new() })).map(Some)
    }

    /// The names of the overlays, from the lowest to the one above all others.
    pub fn overlays(&self) -> Vec<Name> {
        locked(self.sources()).overlays().cloned().collect()
    }

    /// Reads a file and follows it from now on, looking once a second, on a thread of its own, until the handle is dropped. See [`Watcher`], which can be told more.
    ///
    /// A change is taken once two readings 100 ms apart agree. Whoever needs longer to write a file writes another and moves it there: half of a file may be a whole
    /// configuration, and an empty one says nothing of anything.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or has mistakes now. What is wrong with it later is told by [`Watch::last_error`] and
    /// [`Event::ConfigRefused`], and what ran before keeps running.
    pub fn watch(&self, path: impl AsRef<Path>) -> Result<Watch, ConfigureError> {
        self.watcher(path).start()
    }

    /// As [`watch`](Self::watch), with more to say.
    pub fn watcher(&self, path: impl AsRef<Path>) -> Watcher {
        Watcher::new(self.clone(), path.as_ref())
    }

    /// Puts all of it in force, or nothing; and tells of it.
    fn put(&self, source: Name, next: Result<Next, ConfigureError>) -> Result<ConfigureReport, ConfigureError> {
        let (mut refused, mut untold) = (Vec::new(), Untold::default());
        let audience = Audience::now();
        let done = next.and_then(|next| self.put_if_sound(&source, next, audience, &mut untold, &mut refused));
        // The lock is let go.
        untold.tell();
        let bus = self.bus();
        refused.extend(done.as_ref().err().map(ToString::to_string));
        for error in refused {
            bus.emit(Topic::ConfigRefused, || Event::config_refused(source.clone(), error));
        }
        done
    }

    fn put_if_sound(
        &self,
        source: &Name,
        next: Next,
        audience: Audience,
        untold: &mut Untold,
        refused: &mut Vec<String>,
    ) -> Result<ConfigureReport, ConfigureError> {
        let mut in_force = locked(self.sources());
        let mut sources = in_force.clone();
        for (source, says) in next.sources {
            sources.put(source, says);
        }
        if sources.overlays().count() > MAX_OVERLAYS {
            return Err(ConfigureError::TooManyOverlays { name: source.clone() });
        }

        let mut check = kinds::Check::new(self, &sources, next.warnings);
        for_each_kind(&mut check);
        let kinds::Check { mut mistakes, warnings, combined, .. } = check;
        if !mistakes.is_empty() {
            mistakes.sort_by_key(|mistake| mistake.position);
            return Err(ConfigureError::Mistakes(mistakes));
        }

        let mut apply =
            kinds::Apply { registry: self, source, combined, changes: Vec::new(), audience, untold, refused };
        for_each_kind(&mut apply);
        let changes = apply.changes;
        self.bus().tell_causes(sources.strongest_first().find_map(|source| source.causes).unwrap_or(true));
        *in_force = sources;
        Ok(ConfigureReport { changes, warnings })
    }
}

impl Next {
    fn of(source: Outside, says: Tables) -> Self {
        Self { sources: vec![(source, Some(says))], warnings: Vec::new() }
    }
}

fn of_file(says: Tables) -> Next {
    Next::of(Outside::File, says)
}

fn check_name(name: &Name) -> Result<(), ConfigureError> {
    names::check(name).map_err(|rule| ConfigureError::Name { name: name.clone(), rule })
}

fn read(path: &Path) -> Result<Tables, ConfigureError> {
    document::parse(document::shown(path), &document::read(path)?)
}
