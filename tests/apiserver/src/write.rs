//! Creating, replacing and patching.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use crate::{
    builtin,
    kinds::{Kind, Version},
    managers::{Manager, Managers},
    request::Target,
    schema::Schema,
    state::State,
    status::{Cause, Failure, Named},
};

/// What a write is about, and how it is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) kind: Arc<Kind>,
    pub(crate) version: Version,
    pub(crate) target: Target,
    pub(crate) manager: String,
    pub(crate) dry_run: bool,
    /// Refuse unknown fields instead of dropping them.
    pub(crate) strict: bool,
    /// Behave as servers since 1.22 do where 1.20 differs.
    pub(crate) modern: bool,
}

/// How an existing object changes.
pub(crate) enum Change {
    /// The whole object, as a client sends it.
    Replace(Value),
    Merge(Value),
    Json(Value),
    Apply {
        wanted: Value,
        force: bool,
    },
}

impl Write {
    /// What the object is called in most messages.
    pub(crate) fn named(&self) -> Named<'_> {
        self.named_as(&self.target.name)
    }

    fn named_as<'a>(&'a self, name: &'a str) -> Named<'a> {
        Named { group: &self.kind.group, resource: &self.kind.plural, name }
    }

    pub(crate) fn invalid(&self, name: &str, causes: &[Cause]) -> Failure {
        Failure::invalid(Named { group: &self.kind.group, resource: &self.kind.kind, name }, causes)
    }

    pub(crate) fn api_version(&self) -> String {
        self.kind.api_version(&self.target.version)
    }

    fn manager(&self, apply: bool) -> Manager {
        let subresource = if self.modern { self.target.subresource.clone() } else { String::new() };
        Manager { name: self.manager.clone(), apply, version: self.api_version(), subresource }
    }

    /// The schema by which fields are owned.
    fn ownership(&self) -> &Schema {
        static NONE: LazyLock<Schema> = LazyLock::new(Schema::default);
        if self.version.either && !self.modern { &NONE } else { &self.version.schema }
    }

    pub(crate) fn is_status(&self) -> bool {
        self.target.subresource == "status"
    }

    /// Creates what a client posted.
    pub(crate) fn create(&self, state: &mut State, mut object: Value) -> Result<Arc<Value>, Failure> {
        self.head(&object)?;
        if object["metadata"]["resourceVersion"].as_str().is_some_and(|version| !version.is_empty()) {
            return Err(Failure::internal("resourceVersion should not be set on objects to be created"));
        }
        self.admit(&mut object)?;
        if self.modern && self.version.status {
            clear_status(&mut object);
        }
        let empty = self.empty();
        let mut managers = Managers::default();
        managers.update(self.ownership(), &empty, &object, &self.manager(false), &state.now());
        managers.store(&mut object);
        self.store_new(state, object)
    }

    /// Stores an object that is new, with all that the server adds.
    fn store_new(&self, state: &mut State, mut object: Value) -> Result<Arc<Value>, Failure> {
        self.check_namespace(state)?;
        let now = state.now();
        let prefix = object["metadata"]["generateName"].as_str().unwrap_or_default().to_owned();
        if object["metadata"]["name"].as_str().unwrap_or_default().is_empty() && !prefix.is_empty() {
            object["metadata"]["name"] = format!("{prefix}{}", state.suffix()).into();
        }
        if self.version.status {
            clear_status(&mut object);
        }
        builtin::first_status(&self.kind, &mut object, &now);
        let metadata = &mut object["metadata"];
        metadata["uid"] = state.uid().into();
        metadata["creationTimestamp"] = now.into();
        if self.kind.generations {
            metadata["generation"] = 1.into();
        }
        for name in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            drop_member(metadata, name);
        }
        self.check(&object, None)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if state.object(&self.kind.key(), &self.target.namespace, &name).is_some() {
            return Err(Failure::already_exists(self.named_as(&name)));
        }
        if self.dry_run {
            return Ok(Arc::new(object));
        }
        let stored = state.put(&self.kind.key(), &self.target.namespace, &name, object);
        serve_defined(state, &self.kind, &stored);
        Ok(stored)
    }

    /// An object with nothing in it, for comparison.
    fn empty(&self) -> Value {
        json!({ "apiVersion": self.api_version(), "kind": self.kind.kind, "metadata": {} })
    }

    /// Changes an object, or makes it where the change may; says whether it is new.
    pub(crate) fn change(&self, state: &mut State, change: Change) -> Result<(Arc<Value>, bool), Failure> {
        let live = state.object(&self.kind.key(), &self.target.namespace, &self.target.name).cloned();
        match (live, change) {
            (Some(live), change) => Ok((self.change_live(state, &live, change)?, false)),
            (None, Change::Apply { wanted, force }) if !self.is_status() => {
                let mut empty = self.empty();
                empty["metadata"]["name"] = self.target.name.clone().into();
                let object = self.applied(state, &empty, wanted, force)?;
                Ok((self.store_new(state, object)?, true))
            }
            (None, Change::Replace(object)) if self.kind.create_on_update => {
                Ok((self.create(state, object)?, true))
            }
            (None, _) => Err(Failure::not_found(self.named())),
        }
    }

    fn change_live(
        &self,
        state: &mut State,
        live: &Arc<Value>,
        change: Change,
    ) -> Result<Arc<Value>, Failure> {
        let live: &Value = live;
        let mut seen = live.clone();
        seen["apiVersion"] = self.api_version().into();
        let object = match change {
            Change::Replace(mut object) => {
                self.head(&object)?;
                self.same_name(&object)?;
                self.admit(&mut object)?;
                self.take_version(live, &object, self.kind.unconditional_update)?;
                self.updated(state, &seen, object)
            }
            Change::Merge(patch) => {
                let mut object = seen.clone();
                json_patch::merge(&mut object, &patch);
                self.patched(state, live, &seen, object)?
            }
            Change::Json(patch) => {
                let patch: json_patch::Patch = serde_json::from_value(patch)
                    .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
                let mut object = seen.clone();
                json_patch::patch(&mut object, &patch).map_err(|_| {
                    Failure::unprocessable("the server rejected our request due to an error in our request")
                })?;
                self.patched(state, live, &seen, object)?
            }
            Change::Apply { wanted, force } => self.applied(state, &seen, wanted, force)?,
        };
        self.store_changed(state, live, object)
    }

    fn patched(
        &self,
        state: &State,
        live: &Value,
        seen: &Value,
        mut object: Value,
    ) -> Result<Value, Failure> {
        self.head(&object)?;
        self.admit(&mut object)?;
        self.take_version(live, &object, true)?;
        Ok(self.updated(state, seen, object))
    }

    /// Refuses what was made from another state of the object.
    fn take_version(&self, live: &Value, object: &Value, unconditional: bool) -> Result<(), Failure> {
        let (was, is) = (&object["metadata"]["resourceVersion"], &live["metadata"]["resourceVersion"]);
        match was.as_str().unwrap_or_default() {
            "" | "0" if unconditional => {}
            "" | "0" => {
                let cause = Cause::invalid(
                    "metadata.resourceVersion",
                    &json!("0x0"),
                    "must be specified for an update",
                );
                return Err(self.invalid(&self.target.name, &[cause]));
            }
            _ if was == is => {}
            _ => {
                let why = "the object has been modified; please apply your changes to the latest version and try again";
                return Err(Failure::conflict(self.named(), why));
            }
        }
        let (uid, live_uid) = (&object["metadata"]["uid"], &live["metadata"]["uid"]);
        if uid.as_str().is_some_and(|uid| !uid.is_empty()) && uid != live_uid {
            let why = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                uid.as_str().unwrap_or_default(),
                live_uid.as_str().unwrap_or_default()
            );
            return Err(Failure::conflict(self.named(), &why));
        }
        Ok(())
    }

    /// Accounts for what an update changed.
    fn updated(&self, state: &State, live: &Value, mut object: Value) -> Value {
        if self.modern {
            self.keep_what_is_not_written(live, &mut object);
        }
        let reset = match object["metadata"]["managedFields"].as_array() {
            Some(entries) => entries.is_empty() || entries == &[json!({})],
            None => false,
        };
        let mut managers = Managers::of(&object);
        if managers.is_empty() && !reset {
            managers = Managers::of(live);
        }
        if reset || managers.is_empty() {
            Managers::default().store(&mut object);
            return object;
        }
        let (old, new) = (without_managers(live), without_managers(&object));
        managers.update(self.ownership(), &old, &new, &self.manager(false), &state.now());
        managers.store(&mut object);
        object
    }

    /// Merges what is applied.
    fn applied(&self, state: &State, live: &Value, wanted: Value, force: bool) -> Result<Value, Failure> {
        if wanted["apiVersion"] != self.api_version() {
            return Err(Failure::bad_request(format!(
                "Incorrect version specified in apply patch. Specified patch version: {}, expected: {}",
                wanted["apiVersion"].as_str().unwrap_or_default(),
                self.api_version()
            )));
        }
        if !wanted["metadata"]["managedFields"].is_null() {
            return Err(Failure::bad_request("metadata.managedFields must be nil"));
        }
        self.head(&wanted)?;
        self.same_name(&wanted)?;
        let given = &wanted["metadata"]["resourceVersion"];
        if given.is_string() && *given != live["metadata"]["resourceVersion"] {
            let why =
                "the object has been modified; please apply your changes to the latest version and try again";
            return Err(Failure::conflict(self.named(), why));
        }
        self.known(&wanted)?;
        let mut managers = Managers::of(live);
        let (old, now) = (without_managers(live), state.now());
        let schema = self.ownership();
        if managers.is_empty() && live["metadata"]["uid"].is_string() {
            let before = Manager { name: "before-first-apply".into(), ..self.manager(false) };
            managers.update(schema, &self.empty(), &old, &before, &now);
        }
        let mut wanted = wanted;
        if self.modern {
            self.keep_what_is_not_written(&json!({}), &mut wanted);
        }
        let merged = managers.apply(schema, &old, &wanted, &self.manager(true), force, &now)?;
        let mut object = merged.unwrap_or(old);
        self.place(&mut object);
        // Servers before 1.21 keep the null that a container becomes when its last field is no longer applied, and then
        // refuse it. Metadata and built-in kinds have no nulls.
        if self.modern || !self.kind.custom {
            self.version.schema.drop_nulls(&mut object);
        } else if let Some(schema) = self.version.schema.properties.get("metadata") {
            schema.drop_nulls(&mut object["metadata"]);
        }
        self.shape(&mut object)?;
        managers.store(&mut object);
        Ok(object)
    }

    /// Sets back what this endpoint does not write.
    fn keep_what_is_not_written(&self, live: &Value, object: &mut Value) {
        if self.is_status() {
            let status = object["status"].clone();
            let managed = object["metadata"]["managedFields"].clone();
            let head = ["apiVersion", "kind"].map(|name| (name, object[name].clone()));
            let metadata = object["metadata"].clone();
            *object = live.clone();
            for (name, value) in head {
                object[name] = value;
            }
            if live.as_object().is_some_and(serde_json::Map::is_empty) {
                object["metadata"] = json!({ "name": metadata["name"] });
            }
            put_member(object, "status", status);
            if let Some(metadata) = object.get_mut("metadata") {
                put_member(metadata, "managedFields", managed);
            }
        } else if self.version.status {
            put_member(object, "status", live["status"].clone());
        }
    }

    fn store_changed(
        &self,
        state: &mut State,
        live: &Value,
        mut object: Value,
    ) -> Result<Arc<Value>, Failure> {
        self.keep_what_is_not_written(live, &mut object);
        for name in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "selfLink",
        ] {
            put_member(&mut object["metadata"], name, live["metadata"][name].clone());
        }
        object["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        if builtin::is_definition(&self.kind) && !self.is_status() && object["spec"] != live["spec"] {
            builtin::established(&mut object, &state.now());
        }
        if self.kind.generations && self.content_differs(live, &object) {
            object["metadata"]["generation"] =
                (live["metadata"]["generation"].as_i64().unwrap_or(0) + 1).into();
        }
        self.check(&object, Some(live))?;
        // Which version it is told in makes no change.
        object["apiVersion"] = live["apiVersion"].clone();
        if object == *live || self.dry_run {
            return Ok(Arc::new(object));
        }
        let (key, namespace, name) = (self.kind.key(), &self.target.namespace, &self.target.name);
        let free = object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
        if object["metadata"]["deletionTimestamp"].is_string() && free && !builtin::is_namespace(&self.kind) {
            let last = state.remove(&key, namespace, name, Some(object));
            return last.ok_or_else(|| Failure::not_found(self.named()));
        }
        let stored = state.put(&key, namespace, name, object);
        serve_defined(state, &self.kind, &stored);
        Ok(stored)
    }

    /// Whether more changed than metadata, and than a status that has its own endpoint.
    fn content_differs(&self, one: &Value, other: &Value) -> bool {
        let content = |object: &Value| {
            let mut object = object.clone();
            for name in ["metadata", "apiVersion"] {
                drop_member(&mut object, name);
            }
            if self.version.status {
                drop_member(&mut object, "status");
            }
            object
        };
        content(one) != content(other)
    }
}

/// Begins to serve what a definition defines.
fn serve_defined(state: &mut State, kind: &Kind, stored: &Value) {
    if builtin::is_definition(kind)
        && let Ok(kind) = crate::kinds::defined(stored)
    {
        state.kinds.insert(kind.key(), Arc::new(kind));
    }
}

fn without_managers(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata") {
        drop_member(metadata, "managedFields");
    }
    object
}

fn clear_status(object: &mut Value) {
    drop_member(object, "status");
}

fn drop_member(object: &mut Value, name: &str) {
    if let Some(members) = object.as_object_mut() {
        members.shift_remove(name);
    }
}

/// Sets a member, or takes it away where the value is null.
fn put_member(object: &mut Value, name: &str, value: Value) {
    if value.is_null() {
        drop_member(object, name);
    } else if let Some(members) = object.as_object_mut() {
        members.insert(name.into(), value);
    }
}
