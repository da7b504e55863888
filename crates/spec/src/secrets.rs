//! User names and passwords of BMCs.
//!
//! A node names a Secret; what the Secret holds comes from the first of these that has it:
//! 1. the environment, per Secret: `RACKHAND_BMC_USERNAME_<NAME>` and `RACKHAND_BMC_PASSWORD_<NAME>`, the name in capitals and
//!    everything but letters and digits as `_`;
//! 2. a directory: `DIR/NAME/username` and `DIR/NAME/password` (the form of a mounted Secret), or a Secret in `DIR/NAME.yaml`;
//! 3. Secret documents in the loaded files, in the node's namespace, or without one;
//! 4. the environment, for all: `RACKHAND_BMC_USERNAME` and `RACKHAND_BMC_PASSWORD`.
//!
//! This module reads no environment: the program passes the variables in. A password is never shown, by no message and no
//! `Debug`; a Secret of another namespace is never used, and the error says that there is one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::common::METADATA;
use crate::cursor::{At, Cx, NotUsed, Sink};
use crate::diagnostic::Code;

use crate::tree::{Value, parse};

/// A BMC's user name and password.
#[derive(Clone)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A Secret that stands in a loaded file.
#[derive(Debug, Clone)]
pub struct SecretDocument {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`, when written.
    pub namespace: Option<String>,
    /// The file.
    pub file: PathBuf,
    /// Its user name and password, when it holds both; other Secrets (pull secrets, network data) do not.
    pub credentials: Option<Credentials>,
}

/// Why a node has no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// No source has them.
    #[error("no credentials for Secret {namespace}/{name}; searched: {}{}", searched.join("; "), hint.as_deref().map(|hint| format!(". {hint}")).unwrap_or_default())]
    NotFound {
        /// The node's namespace.
        namespace: String,
        /// The Secret's name.
        name: String,
        /// Each source, in the order of search.
        searched: Vec<String>,
        /// What was found that does not count.
        hint: Option<String>,
    },
    /// A source has them, and they cannot be used.
    #[error("credentials for Secret {namespace}/{name}: {problem}")]
    Unusable {
        /// The node's namespace.
        namespace: String,
        /// The Secret's name.
        name: String,
        /// What is wrong, and where.
        problem: String,
    },
}

/// Where credentials are searched for.
#[derive(Clone, Default)]
pub struct CredentialSources {
    /// Secret documents of the loaded files.
    pub documents: Vec<SecretDocument>,
    /// The directory of Secrets.
    pub directory: Option<PathBuf>,
    /// Environment variables whose names start with `RACKHAND_BMC_`.
    pub environment: BTreeMap<String, SecretString>,
}

impl fmt::Debug for CredentialSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialSources")
            .field("documents", &self.documents)
            .field("directory", &self.directory)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// What the environment's variables start with.
pub const ENVIRONMENT_PREFIX: &str = "RACKHAND_BMC_";

const USERNAME: &str = "RACKHAND_BMC_USERNAME";
const PASSWORD: &str = "RACKHAND_BMC_PASSWORD";

impl CredentialSources {
    /// The credentials of the Secret that a node of this namespace names.
    ///
    /// # Errors
    /// When no source has them (all that were searched are named), or one has something unusable: a user name without a
    /// password, text that is not base64. A source that is there and broken is not passed over for the next.
    pub fn resolve(&self, namespace: &str, name: &str) -> Result<Credentials, CredentialsError> {
        let unusable = |problem: String| CredentialsError::Unusable {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            problem,
        };
        let suffix = variable_suffix(name);
        let (own_user, own_password) = (format!("{USERNAME}_{suffix}"), format!("{PASSWORD}_{suffix}"));
        if let Some(found) = self.in_environment(&own_user, &own_password).map_err(unusable)? {
            return Ok(found);
        }
        if let Some(directory) = &self.directory
            && let Some(found) = in_directory(directory, namespace, name).map_err(unusable)?
        {
            return Ok(found);
        }
        if let Some(found) = self.in_documents(namespace, name).map_err(unusable)? {
            return Ok(found);
        }
        if let Some(found) = self.in_environment(USERNAME, PASSWORD).map_err(unusable)? {
            return Ok(found);
        }
        let directory = match &self.directory {
            Some(directory) => format!("directory {}", directory.display()),
            None => "no directory of Secrets is given".to_owned(),
        };
        let searched = vec![
            format!("environment {own_user} and {own_password}"),
            directory,
            format!("the loaded files (they hold {} Secrets)", self.documents.len()),
            format!("environment {USERNAME} and {PASSWORD}"),
        ];
        let other = self.documents.iter().find(|one| one.name == name);
        let hint = other.and_then(|other| {
            let there = other.namespace.as_deref()?;
            Some(format!(
                "{} has a Secret of that name in namespace {there}, which is not the node's and is not used",
                other.file.display()
            ))
        });
        Err(CredentialsError::NotFound {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            searched,
            hint,
        })
    }

    fn in_environment(&self, user: &str, password: &str) -> Result<Option<Credentials>, String> {
        match (self.environment.get(user), self.environment.get(password)) {
            (None, None) => Ok(None),
            (Some(user), Some(password)) => Ok(Some(Credentials {
                username: user.expose_secret().to_owned(),
                password: password.clone(),
            })),
            (Some(_), None) => Err(format!("{user} is set and {password} is not")),
            (None, Some(_)) => Err(format!("{password} is set and {user} is not")),
        }
    }

    fn in_documents(&self, namespace: &str, name: &str) -> Result<Option<Credentials>, String> {
        let fits = |one: &&SecretDocument| {
            one.name == name && one.namespace.as_deref().is_none_or(|own| own == namespace)
        };
        // The one that names its namespace goes before one that goes anywhere.
        let found = self.documents.iter().filter(fits).min_by_key(|one| one.namespace.is_none());
        match found {
            None => Ok(None),
            Some(SecretDocument { credentials: Some(credentials), .. }) => Ok(Some(credentials.clone())),
            Some(one) => Err(format!("the Secret in {} holds no username and password", one.file.display())),
        }
    }
}

/// A Secret's name as the end of a variable's: `bmc-node.1` is `BMC_NODE_1`.
fn variable_suffix(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

fn in_directory(directory: &Path, namespace: &str, name: &str) -> Result<Option<Credentials>, String> {
    // A name is a single part of a path, whatever the spec says.
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(format!("`{name}` cannot be the name of a Secret"));
    }
    let mounted = directory.join(name);
    if mounted.is_dir() {
        let (user, password) = (mounted.join("username"), mounted.join("password"));
        let (user, password) = (read_line(&user)?, read_line(&password)?);
        return Ok(Some(Credentials { username: user, password: SecretString::from(password) }));
    }
    for extension in ["yaml", "yml"] {
        let file = directory.join(format!("{name}.{extension}"));
        if file.is_file() {
            return in_file(&file, namespace, name).map(Some);
        }
    }
    Ok(None)
}

/// A file's text without the line's end that editors add.
fn read_line(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    Ok(text.to_owned())
}

/// The Secret in a YAML file of the directory.
fn in_file(file: &Path, namespace: &str, name: &str) -> Result<Credentials, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    let (documents, faults) = parse(&text);
    if let Some(fault) = faults.first() {
        return Err(format!(
            "{}:{}:{}: {}",
            file.display(),
            fault.mark.line,
            fault.mark.column,
            fault.message
        ));
    }
    let sink = Sink::default();
    let cx = Cx { file, sink: &sink };
    let secrets =
        documents.iter().filter_map(|document| SecretDocument::read(&At::root(cx, document))).collect();
    let problem = || sink_error(sink);
    let sources = CredentialSources { documents: secrets, ..CredentialSources::default() };
    match sources.in_documents(namespace, name)? {
        Some(credentials) => Ok(credentials),
        None => {
            Err(problem().unwrap_or_else(|| format!("{} holds no Secret {namespace}/{name}", file.display())))
        }
    }
}

fn sink_error(sink: Sink) -> Option<String> {
    sink.into_inner().into_iter().find(crate::Diagnostic::is_error).map(|error| error.to_string())
}

const SECRET: &[NotUsed] = &[("immutable", "the API server keeps it")];

impl SecretDocument {
    /// Reads a Secret. Its values never get into a finding.
    pub(crate) fn read(root: &At<'_>) -> Option<Self> {
        let fields = root.fields(SECRET)?;
        let _ = (fields.peek("apiVersion"), fields.peek("kind"), fields.peek("type"));
        let metadata = fields.required("metadata")?.fields(METADATA)?;
        let namespace = metadata.get("namespace").and_then(|at| at.word());
        let name = metadata.required("name")?.word()?;
        let (data, plain) = (fields.peek("data"), fields.peek("stringData"));
        // As the API server has it: stringData goes before data.
        let value = |key: &str| {
            let plain = plain.as_ref().and_then(|at| at.child(key)).map(|at| plain_value(&at));
            plain.or_else(|| data.as_ref().and_then(|at| at.child(key)).map(|at| decoded(&at)))
        };
        let credentials = match (value("username"), value("password")) {
            (Some(username), Some(password)) => username
                .zip(password)
                .map(|(username, password)| Credentials { username, password: SecretString::from(password) }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                root.warning(Code::MissingField, "the Secret holds only one of username and password");
                None
            }
        };
        Some(Self { name, namespace, file: root.cx.file.to_owned(), credentials })
    }
}

/// A value of `stringData`. A number is the text it is written as.
fn plain_value(at: &At<'_>) -> Option<String> {
    match &at.node.value {
        Value::Scalar(scalar) if !scalar.text.is_empty() => clean(at, scalar.text.clone()),
        _ => {
            at.error(Code::InvalidValue, "the value is empty or no text");
            None
        }
    }
}

/// A value of `data`: base64.
fn decoded(at: &At<'_>) -> Option<String> {
    let text: Option<String> = at.scalar().map(|scalar| scalar.text.split_whitespace().collect());
    let bytes = text.filter(|text| !text.is_empty()).and_then(|text| STANDARD.decode(text).ok());
    match bytes.map(String::from_utf8) {
        Some(Ok(text)) => clean(at, text),
        Some(Err(_)) => {
            at.error(Code::InvalidValue, "the decoded value is not text");
            None
        }
        None => {
            at.error_help(
                Code::InvalidValue,
                "the value is not base64",
                "encode it, or write it below stringData",
            );
            None
        }
    }
}

/// `echo` adds a line's end that is no part of a password; a BMC counts it as a wrong one and locks the account.
fn clean(at: &At<'_>, text: String) -> Option<String> {
    let bare = text.trim_end_matches(['\n', '\r']);
    if bare.len() != text.len() {
        at.sloppy(
            "the value ends with a line's end, which is left out",
            "encode it with `printf %s … | base64`",
        );
    }
    if bare.is_empty() {
        at.error(Code::InvalidValue, "the value is empty");
        return None;
    }
    Some(bare.to_owned())
}
