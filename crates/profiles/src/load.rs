//! Reading profiles from a directory, and the ones that ship with rackhand.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_saphyr::{Location, MessageFormatter, UserMessageFormatter};

use crate::Profile;
use crate::profile::{Document, Located, Places};

/// The profiles there are, in layers: what stands in an upper layer wins over a lower one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profiles {
    layers: Vec<Vec<Profile>>,
}

/// One thing wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Line and column, from 1, where they are known.
    pub at: Option<(u64, u64)>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Profiles that cannot be read: every problem of every file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct LoadError {
    /// One or more.
    pub problems: Vec<Problem>,
}

macro_rules! shipped {
    ($($name:literal,)*) => {
        [$((
            concat!("firmware-profiles/", $name, ".yaml"),
            include_str!(concat!("../../../firmware-profiles/", $name, ".yaml")),
        ),)*]
    };
}

/// The files of `firmware-profiles/`, so that the program needs no checkout beside it.
const BUILTIN: [(&str, &str); 23] = shipped![
    "cisco/factory-safe",
    "cisco/gpu-node",
    "cisco/ran-low-latency",
    "cisco/storage",
    "cisco/virtualisation",
    "dell/factory-safe",
    "dell/gpu-node",
    "dell/ran-low-latency",
    "dell/storage",
    "dell/virtualisation",
    "hpe/factory-safe",
    "hpe/gpu-node",
    "hpe/ran-low-latency",
    "hpe/storage",
    "hpe/virtualisation",
    "lenovo/factory-safe",
    "lenovo/gpu-node",
    "lenovo/ran-low-latency",
    "lenovo/virtualisation",
    "supermicro/factory-safe",
    "supermicro/gpu-node",
    "supermicro/ran-low-latency",
    "supermicro/virtualisation",
];

impl Profiles {
    /// The profiles that ship with rackhand.
    ///
    /// # Errors
    /// Never for a released program: a test reads them all.
    pub fn builtin() -> Result<Self, LoadError> {
        let files = BUILTIN.iter().map(|(file, text)| (PathBuf::from(file), Ok((*text).to_owned())));
        Self::from_texts(files)
    }

    /// Reads every `*.yaml` and `*.yml` below a directory, or one file.
    ///
    /// # Errors
    /// Every problem of every file; a directory without any profile is one.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let mut files = Vec::new();
        let mut problems = Vec::new();
        collect(path, &mut files, &mut problems);
        if files.is_empty() && problems.is_empty() {
            problems.push(problem(path, "holds no *.yaml file".to_owned()));
        }
        let texts = files.into_iter().map(|file| {
            let text = std::fs::read_to_string(&file);
            (file, text)
        });
        match Self::from_texts(texts) {
            Ok(profiles) if problems.is_empty() => Ok(profiles),
            Ok(_) => Err(LoadError { problems }),
            Err(error) => {
                problems.extend(error.problems);
                Err(LoadError { problems })
            }
        }
    }

    /// One profile file's text, as if it stood in `file`.
    ///
    /// # Errors
    /// Every problem found.
    pub fn parse(file: &Path, text: &str) -> Result<Self, LoadError> {
        Self::from_texts(std::iter::once((file.to_owned(), Ok(text.to_owned()))))
    }

    fn from_texts(
        texts: impl Iterator<Item = (PathBuf, std::io::Result<String>)>,
    ) -> Result<Self, LoadError> {
        let mut profiles = Vec::new();
        let mut problems = Vec::new();
        for (file, text) in texts {
            match text {
                Ok(text) => match documents(&file, &text) {
                    Ok(found) => profiles.extend(found),
                    Err(problem) => problems.push(problem),
                },
                Err(error) => problems.push(problem(&file, format!("cannot be read: {error}"))),
            }
        }
        if problems.is_empty() { Ok(Self { layers: vec![profiles] }) } else { Err(LoadError { problems }) }
    }

    /// These profiles, and below them others that count where none of these matches.
    #[must_use]
    pub fn over(mut self, lower: Self) -> Self {
        self.layers.extend(lower.layers);
        self
    }

    /// Those of them that are wanted.
    #[must_use]
    pub fn only(mut self, wanted: impl Fn(&Profile) -> bool) -> Self {
        for layer in &mut self.layers {
            layer.retain(|profile| wanted(profile));
        }
        self
    }

    /// Every profile, upper layers first.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.layers.iter().flatten()
    }

    /// The names, each once, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.iter().map(|profile| profile.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn layers(&self) -> &[Vec<Profile>] {
        &self.layers
    }
}

fn problem(file: &Path, message: String) -> Problem {
    Problem { file: file.to_owned(), at: None, message }
}

/// The documents of one file.
fn documents(file: &Path, text: &str) -> Result<Vec<Profile>, Problem> {
    // `On` and `Yes` are values of BIOS attributes, not booleans.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let documents: Vec<Document> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| Problem {
            file: file.to_owned(),
            at: error.location().map(|at| (at.line(), at.column())),
            message: message(&error),
        })?;
    if documents.is_empty() {
        return Err(problem(file, "holds no profile".to_owned()));
    }
    // The same text was read a moment ago; where nothing is located the profile's own place serves.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let located: Vec<Located> = serde_saphyr::from_multiple_with_options(text, options).unwrap_or_default();
    let located = located.into_iter().map(Located::attributes).chain(std::iter::repeat_with(BTreeMap::new));
    documents.into_iter().zip(located).map(|(document, places)| profile(file, document, places)).collect()
}

/// The YAML reader's words, but for the one that speaks of Rust types.
fn message(error: &serde_saphyr::Error) -> String {
    let text = UserMessageFormatter.format_message(error.without_snippet());
    if text.contains("untagged enum AttributeValue") {
        return "a BIOS attribute's value is a text, a whole number, true or false".to_owned();
    }
    text.into_owned()
}

/// One document, checked.
fn profile(
    file: &Path,
    document: Document,
    attributes: BTreeMap<String, (u64, u64)>,
) -> Result<Profile, Problem> {
    let Document { metadata, spec, .. } = document;
    let wrong = |at: Location, message: String| Problem {
        file: file.to_owned(),
        at: Some((at.line(), at.column())),
        message,
    };
    if metadata.value.name.trim().is_empty() {
        return Err(wrong(metadata.referenced, "metadata.name is empty".to_owned()));
    }
    spec.value.check().map_err(|message| wrong(spec.referenced, message))?;
    Ok(Profile {
        name: metadata.value.name,
        description: metadata.value.description,
        source: format!("{}:{}", file.display(), metadata.referenced.line()),
        spec: spec.value,
        places: Places { file: file.to_owned(), attributes },
    })
}

/// The YAML files below a path, in order. Hidden directories are left out; links to directories are not followed.
fn collect(path: &Path, files: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
    let entries = match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => return files.push(path.to_owned()),
        Ok(_) => std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>),
        Err(error) => Err(error),
    };
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => return problems.push(problem(path, format!("cannot be read: {error}"))),
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let child = entry.path();
        let yaml = child.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !hidden => collect(&child, files, problems),
            Ok(kind) if !kind.is_dir() && yaml && !hidden => files.push(child),
            Ok(_) => {}
            Err(error) => problems.push(problem(&child, format!("cannot be read: {error}"))),
        }
    }
}
