//! Who owns which field: `metadata.managedFields`, for writes that merge (apply) and for all others (update).

use serde_json::{Value, json};

use crate::{
    fields::{self, FieldSet, Step, common, without},
    schema::Schema,
    status::{Cause, Failure},
    typed,
};

/// Who writes, and how it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manager {
    pub(crate) name: String,
    /// `Apply`, else `Update`.
    pub(crate) apply: bool,
    pub(crate) version: String,
    /// Servers since 1.22 tell the writers of a subresource apart; always empty otherwise.
    pub(crate) subresource: String,
}

impl Manager {
    /// Appliers are the same in every version.
    fn is(&self, other: &Self) -> bool {
        self.name == other.name
            && self.apply == other.apply
            && self.subresource == other.subresource
            && (self.apply || self.version == other.version)
    }
}

/// One manager's fields.
#[derive(Clone, Debug)]
struct Entry {
    manager: Manager,
    set: FieldSet,
    time: Value,
}

/// All managers of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Managers(Vec<Entry>);

impl Managers {
    /// Reads an object's managers.
    pub(crate) fn of(object: &Value) -> Self {
        let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
        Self(
            entries
                .map(|entry| {
                    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
                    let manager = Manager {
                        name: text("manager"),
                        apply: entry["operation"] == "Apply",
                        version: text("apiVersion"),
                        subresource: text("subresource"),
                    };
                    Entry { manager, set: fields::from_json(&entry["fieldsV1"]), time: entry["time"].clone() }
                })
                .collect(),
        )
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the managers into an object, in the server's order.
    pub(crate) fn store(mut self, object: &mut Value) {
        self.0.sort_by(|one, other| {
            let key = |entry: &Entry| {
                let time = entry.time.as_str().unwrap_or_default().to_owned();
                (!entry.manager.apply, time, entry.manager.name.clone(), entry.manager.version.clone())
            };
            key(one).cmp(&key(other))
        });
        let entries: Vec<Value> = self.0.iter().map(Entry::written).collect();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.shift_remove("managedFields");
            if !entries.is_empty() {
                metadata.insert("managedFields".into(), entries.into());
            }
        }
    }

    /// The fields of one manager.
    fn set(&self, manager: &Manager) -> Option<&FieldSet> {
        self.0.iter().find(|entry| entry.manager.is(manager)).map(|entry| &entry.set)
    }

    fn put(&mut self, manager: &Manager, set: FieldSet, time: Value) {
        match self.0.iter_mut().find(|entry| entry.manager.is(manager)) {
            Some(entry) => *entry = Entry { manager: manager.clone(), set, time },
            None => self.0.push(Entry { manager: manager.clone(), set, time }),
        }
        self.drop_empty();
    }

    fn drop_empty(&mut self) {
        self.0.retain(|entry| !entry.set.is_empty());
    }

    /// Notes that somebody wrote `new` over `old` without asking who owns what.
    pub(crate) fn update(&mut self, schema: &Schema, old: &Value, new: &Value, who: &Manager, now: &str) {
        let changes = typed::compare(schema, old, new);
        let touched: FieldSet = changes.added.union(&changes.modified).cloned().collect();
        for entry in &mut self.0 {
            let theirs = entry.manager.is(who);
            entry.set.retain(|path| !changes.removed.contains(path) && (theirs || !touched.contains(path)));
        }
        let mine = stripped(touched);
        let before = self.set(who).cloned();
        if !mine.is_empty() {
            let after: FieldSet = before.iter().flatten().chain(&mine).cloned().collect();
            let time = match self.0.iter().find(|entry| entry.manager.is(who)) {
                Some(entry) if before.as_ref() == Some(&after) => entry.time.clone(),
                _ => json!(now),
            };
            self.put(who, after, time);
        }
        self.drop_empty();
    }

    /// Merges what somebody applies into the live object, and says what comes of it; `None` when nothing changes.
    pub(crate) fn apply(
        &mut self,
        schema: &Schema,
        live: &Value,
        wanted: &Value,
        who: &Manager,
        force: bool,
        now: &str,
    ) -> Result<Option<Value>, Failure> {
        let former: Vec<(Manager, FieldSet)> =
            self.0.iter().map(|entry| (entry.manager.clone(), entry.set.clone())).collect();
        let last = self.set(who).cloned().unwrap_or_default();
        let mine = typed::mentioned(schema, wanted);
        let merged = typed::merge(Some(schema), live, wanted);
        let merged = self.prune(schema, merged, who, &mine, &last);
        let changes = typed::compare(schema, live, &merged);
        let touched: FieldSet = changes.added.union(&changes.modified).cloned().collect();
        if !force {
            self.complain(who, &touched)?;
        }
        for entry in self.0.iter_mut().filter(|entry| !entry.manager.is(who)) {
            entry.set.retain(|path| !touched.contains(path) && !changes.removed.contains(path));
        }
        let time = self.0.iter().find(|entry| entry.manager.is(who)).map(|entry| entry.time.clone());
        self.put(who, stripped(mine), time.unwrap_or_else(|| json!(now)));
        let same = changes.is_same();
        let managers_same = former.len() == self.0.len()
            && former.iter().all(|(manager, set)| self.set(manager) == Some(set));
        if (!same || !managers_same)
            && let Some(entry) = self.0.iter_mut().find(|entry| entry.manager.is(who))
        {
            entry.time = json!(now);
        }
        Ok((!same).then_some(merged))
    }

    /// Takes out what this manager applied before and no longer does, unless somebody else owns it.
    fn prune(
        &self,
        schema: &Schema,
        merged: Value,
        who: &Manager,
        mine: &FieldSet,
        last: &FieldSet,
    ) -> Value {
        if last.is_empty() {
            return merged;
        }
        let all = typed::mentioned(schema, &merged);
        let pruned = typed::remove(schema, &merged, last);
        let mut kept = typed::mentioned(schema, &pruned);
        kept.extend(mine.iter().cloned());
        for entry in self.0.iter().filter(|entry| !entry.manager.is(who)) {
            kept.extend(entry.set.iter().cloned());
        }
        let pruned = typed::remove(schema, &merged, &without(&all, &kept));
        let kept = typed::mentioned(schema, &pruned);
        typed::remove(schema, &merged, &common(&without(&all, &kept), last))
    }

    /// Refuses to take what others own.
    fn complain(&self, who: &Manager, touched: &FieldSet) -> Result<(), Failure> {
        let mut conflicts: Vec<(String, String)> = Vec::new();
        for entry in self.0.iter().filter(|entry| !entry.manager.is(who)) {
            for path in common(&entry.set, touched) {
                conflicts.push((entry.manager.shown(), fields::shown(&path)));
            }
        }
        conflicts.sort();
        if conflicts.is_empty() {
            return Ok(());
        }
        let causes: Vec<Cause> = conflicts
            .iter()
            .map(|(manager, field)| Cause {
                reason: "FieldManagerConflict",
                message: format!("conflict with {manager}"),
                field: field.clone(),
            })
            .collect();
        Err(Failure::owned_by_others(conflict_message(&conflicts), &causes))
    }
}

fn conflict_message(conflicts: &[(String, String)]) -> String {
    if let [(manager, field)] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {manager}: {field}");
    }
    let mut lines: Vec<String> = Vec::new();
    let mut current = None;
    for (manager, field) in conflicts {
        if current != Some(manager) {
            lines.push(format!("conflicts with {manager}:"));
            current = Some(manager);
        }
        lines.push(format!("- {field}"));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

impl Manager {
    fn shown(&self) -> String {
        let of = if self.subresource.is_empty() {
            String::new()
        } else {
            format!(" with subresource \"{}\"", self.subresource)
        };
        if self.apply {
            format!("\"{}\"{of}", self.name)
        } else {
            format!("\"{}\"{of} using {}", self.name, self.version)
        }
    }
}

impl Entry {
    fn written(&self) -> Value {
        let mut entry = json!({
            "apiVersion": self.manager.version,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields::to_json(&self.set),
            "manager": self.manager.name,
            "operation": if self.manager.apply { "Apply" } else { "Update" },
            "time": self.time,
        });
        if !self.manager.subresource.is_empty() {
            entry["subresource"] = json!(self.manager.subresource);
        }
        entry
    }
}

/// Nobody owns what identifies an object, nor what the server sets.
fn stripped(mut set: FieldSet) -> FieldSet {
    const SERVERS: [&str; 9] = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    set.retain(|path| match path.as_slice() {
        [] => false,
        [Step::Field(root)] => !matches!(root.as_str(), "apiVersion" | "kind" | "metadata"),
        [Step::Field(root), Step::Field(name)] => root != "metadata" || !SERVERS.contains(&name.as_str()),
        _ => true,
    });
    set
}
