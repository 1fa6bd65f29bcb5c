//! The breakers' states in a file, so that a restart does not forget that a dependency is down.
//!
//! # The file
//!
//! One line of ASCII, `resilience-breakers VERSION CHECKSUM LENGTH`, and then so many bytes of JSON. The checksum is FNV-1a of those bytes in
//! hexadecimal: it is there to find damage, not forgery. Everything is read and checked before anything is changed.

use crate::circuit_breaker::{CircuitBreaker, Saved, Since};
use crate::event::Audience;
use crate::name::Instance;
use crate::overlay::Target;
use crate::registry::Registry;
use crate::time::{precise_millis, wall_clock_millis};
use resilience_config::names;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The largest file of breakers' states that is written or read, in bytes: enough for about 100,000 breakers that are open.
pub const MAX_STATE_BYTES: usize = 32 * 1024 * 1024;

const MAGIC: &str = "resilience-breakers";
const VERSION: u32 = 2;
/// The longest first line there can be.
const LONGEST_HEADER: usize = 128;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    /// Milliseconds since 1970, by the wall clock of whoever saved.
    saved_at: u64,
    breakers: Vec<Saved>,
}

/// Why the breakers' states were not saved. What was at the path before is there still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The file could not be written or put in its place.
    #[error("the breakers' states could not be saved to {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// They would be larger than [`MAX_STATE_BYTES`].
    #[error("the breakers' states are {bytes} bytes, and at most {MAX_STATE_BYTES} are saved")]
    TooLarge {
        /// How large.
        bytes: usize,
    },
}

/// Why nothing was restored. No breaker was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// There is no such file, as on a first start.
    #[error("there are no saved states at {}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The file could not be read.
    #[error("the saved states could not be read from {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The file is larger than [`MAX_STATE_BYTES`].
    #[error("{} is larger than {MAX_STATE_BYTES} bytes, the most that is read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Another version of this library has written the file.
    #[error("{} has version {found}, and only version {VERSION} is understood", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The file is not as it was written.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// What became of each saved breaker, and of those of its keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// They are as they were saved.
    pub applied: Vec<Instance>,
    /// Nobody has called them yet: they will be as they were saved when they are built.
    pub pending: Vec<Instance>,
    /// They were left as they are, and why.
    pub skipped: Vec<(Instance, &'static str)>,
    /// For how long nobody was there to count: by the wall clock, and nothing where that was set back.
    pub away: Duration,
}

impl Registry {
    /// Writes the states of all circuit breakers to a file, so that [`restore`](Self::restore) can go on with them after a restart; how many there was something
    /// to say of.
    ///
    /// Kept is what a restart should not forget: an open or half-open breaker with its reason, the time it has been open and its step of backoff, and
    /// what was done by hand (forced open, disabled, monitoring, a share of enforcement), of each key too. A breaker that is closed and does what its configuration
    /// says is not in the file; nor is one that a configuration file forces open. Totals and windows belong to the process and are not kept.
    ///
    /// The file is written beside its place, flushed to the disk and moved there, so that a reader sees the old one or the new one. On Unix its owner alone
    /// may read it. It holds up no call, but blocks its thread: in a task, use `spawn_blocking`.
    ///
    /// ```
    /// # use resilience_runtime::{CircuitBreaker, registry};
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("breakers");
    /// CircuitBreaker::builder("saved").register()?.force_open();
    /// assert_eq!(registry().save(&path)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The file cannot be written, or would be larger than [`MAX_STATE_BYTES`], or something else than a file has its place. What was there before stays.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<usize, SaveError> {
        let path = path.as_ref();
        let mut breakers = Vec::new();
        self.circuit_breakers().for_each(|breaker| breaker.save(&mut breakers));
        // What a configuration file says, it will say again, or no longer.
        let overlay = self.of_kind::<CircuitBreaker>().overlay();
        breakers.retain(|saved| {
            let Instance { name, key } = saved.instance();
            let key = key.map(|key| key.to_string());
            !(saved.is_forced_open() && overlay.force_open(Target { name: &name, key: key.as_deref() }))
        });
        let count = breakers.len();
        let failed = |error| SaveError::Io { path: path.to_owned(), error };
        let body = Body { saved_at: wall_clock_millis(), breakers };
        let json = serde_json::to_vec(&body).map_err(|error| failed(error.into()))?;
        let header = format!("{MAGIC} {VERSION} {:016x} {}\n", checksum(&json), json.len());
        let bytes = header.len() + json.len();
        if bytes > MAX_STATE_BYTES {
            return Err(SaveError::TooLarge { bytes });
        }
        replace(path, &[header.as_bytes(), &json]).map_err(failed)?;
        Ok(count)
    }

    /// Goes on with the states that [`save`](Self::save) has written.
    ///
    /// A breaker that has made calls already, or whose state was changed, is left alone. One that is not there yet gets its state when it is built, before
    /// its first call; so this may be done at the very beginning of `main`. Restoring again replaces what is still waiting for that.
    ///
    /// The time that has passed since is taken into account: the wall clock is read here once, and the difference is held between 0 and the breaker's
    /// `max_open_for`, since that clock may have been set. A breaker whose open time is over lets the next call through as a probe. The
    /// settings are those of this program: one that is to be open for a shorter time now is. It blocks its thread while it reads.
    ///
    /// ```
    /// # use resilience_runtime::{RestoreError, registry};
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("breakers");
    /// match registry().restore(&path) {
    ///     Ok(restored) => println!("{} breakers go on where they were", restored.applied.len() + restored.pending.len()),
    ///     Err(RestoreError::Missing { .. }) => println!("a first start"),
    ///     Err(error) => eprintln!("{error}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The file is missing, cannot be read, is damaged, too large, or of another version. Nothing was changed then.
    pub fn restore(&self, path: impl AsRef<Path>) -> Result<Restored, RestoreError> {
        let body = read(path.as_ref())?;
        let wall_millis = wall_clock_millis().saturating_sub(body.saved_at);
        let since = Since { wall_millis, read_at_millis: precise_millis() };
        let all: Vec<Instance> = body.breakers.iter().map(Saved::instance).collect();
        self.pending().replace(since, body.breakers);
        // Whatever is built from now on asks for itself.
        let mut restored = Restored { away: Duration::from_millis(wall_millis), ..Restored::default() };
        for breaker in self.circuit_breakers() {
            let (resumed, untold) = self.resume(&breaker, Audience::now());
            untold.tell();
            for (name, result) in resumed {
                match result {
                    Ok(()) => restored.applied.push(name),
                    Err(why) => restored.skipped.push((name, why)),
                }
            }
        }
        let skipped = restored.skipped.iter().map(|(name, _)| name);
        let told: HashSet<Instance> = restored.applied.iter().chain(skipped).cloned().collect();
        restored.pending = all.into_iter().filter(|name| !told.contains(name)).collect();
        Ok(restored)
    }
}

fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    // What is moved to a place takes it over, a device's as well.
    if path.symlink_metadata().is_ok_and(|there| !there.is_file() && !there.is_symlink()) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something else than a file"));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".resilience-").tempfile_in(directory)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The move itself is on the disk once the directory is. A directory that may be written and not read cannot be opened for that: the new file is in its
    // place then all the same, and a machine that loses its power may find the old one.
    #[cfg(unix)]
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

/// All of it, checked.
fn read(path: &Path) -> Result<Body, RestoreError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => RestoreError::Missing { path: path.to_owned() },
        _ => RestoreError::Io { path: path.to_owned(), error },
    };
    let mut bytes = Vec::new();
    // One more than is allowed, so that it shows; the length that a file claims to have says nothing of a pipe's.
    let most = u64::try_from(MAX_STATE_BYTES).unwrap_or(u64::MAX) + 1;
    File::open(path).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_STATE_BYTES {
        return Err(RestoreError::TooLarge { path: path.to_owned() });
    }
    parse(&bytes).map_err(|wrong| match wrong {
        Wrong::Version(found) => RestoreError::Version { path: path.to_owned(), found },
        Wrong::Damaged(what) => RestoreError::Damaged { path: path.to_owned(), what },
    })
}

enum Wrong {
    Version(u32),
    Damaged(String),
}

fn parse(bytes: &[u8]) -> Result<Body, Wrong> {
    let damaged = |what: &str| Wrong::Damaged(what.to_owned());
    let end = bytes.iter().take(LONGEST_HEADER).position(|&byte| byte == b'\n');
    let (header, json) =
        end.map(|end| (&bytes[..end], &bytes[end + 1..])).ok_or_else(|| damaged("it has no header"))?;
    let header = std::str::from_utf8(header).map_err(|_| damaged("its header is no text"))?;
    let mut words = header.split(' ');
    if words.next() != Some(MAGIC) {
        return Err(damaged("it does not begin as saved states do"));
    }
    let version = words.next().and_then(|word| word.parse().ok()).ok_or_else(|| damaged("it has no version"))?;
    if version != VERSION {
        return Err(Wrong::Version(version));
    }
    let expected = words.next().and_then(|word| u64::from_str_radix(word, 16).ok());
    let length = words.next().and_then(|word| word.parse::<usize>().ok());
    let (Some(expected), Some(length), None) = (expected, length, words.next()) else {
        return Err(damaged("its header is not as it was written"));
    };
    if json.len() != length {
        return Err(Wrong::Damaged(format!(
            "it has {} bytes behind its header, and {length} were written",
            json.len()
        )));
    }
    if checksum(json) != expected {
        return Err(damaged("its checksum is another one"));
    }
    let body: Body = serde_json::from_slice(json).map_err(|error| Wrong::Damaged(error.to_string()))?;
    match body.breakers.iter().find(|saved| names::check(&saved.name).is_err() && !is_made(&saved.name)) {
        Some(saved) => Err(Wrong::Damaged(format!("`{}` is no name", saved.name.escape_debug()))),
        None => Ok(body),
    }
}

/// `module::function`, which may be longer than what is written by hand.
fn is_made(name: &str) -> bool {
    name.contains("::")
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
