//! What is not to be said: rules that a flag allows, and comments in the files.
//!
//! `# rackhand-lint: allow RULE[, RULE]` holds for its own line and the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Rule;
use super::finding::Finding;
use super::repository::Repository;

const MARK: &str = "# rackhand-lint: allow ";

/// The rules that comments allow, by file and line.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    everywhere: BTreeSet<Rule>,
    lines: BTreeMap<(PathBuf, usize), BTreeSet<Rule>>,
}

impl Allowed {
    /// Reads the comments. One that names no rule is a finding: it would be taken for one that works.
    pub(crate) fn of(repository: &Repository, everywhere: &BTreeSet<Rule>, out: &mut Vec<Finding>) -> Self {
        let mut allowed = Self { everywhere: everywhere.clone(), ..Self::default() };
        for (file, text) in &repository.source.files {
            for (index, line) in text.lines().enumerate() {
                let Some((before, names)) = line.split_once(MARK) else { continue };
                for name in names.split(',') {
                    match name.parse::<Rule>() {
                        Ok(rule) => {
                            for number in [index + 1, index + 2] {
                                allowed.lines.entry((file.clone(), number)).or_default().insert(rule);
                            }
                        }
                        Err(error) => out.push(Finding {
                            severity: rackhand_spec::Severity::Warning,
                            rule: Rule::InvalidValue,
                            file: file.clone(),
                            line: index + 1,
                            column: before.chars().count() + 1,
                            path: String::new(),
                            message: error.to_string(),
                            help: None,
                        }),
                    }
                }
            }
        }
        allowed
    }

    pub(crate) fn covers(&self, finding: &Finding) -> bool {
        let line = self.lines.get(&(finding.file.clone(), finding.line));
        self.everywhere.contains(&finding.rule) || line.is_some_and(|rules| rules.contains(&finding.rule))
    }
}
