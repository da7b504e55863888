//! What is asked of an object before it is stored, and what its schema makes of it.

use serde_json::{Value, json};

use crate::{
    builtin, names,
    state::State,
    status::{Cause, Failure, Named},
    write::Write,
};

impl Write {
    /// Holds the head of what was sent against the request.
    pub(crate) fn head(&self, object: &Value) -> Result<(), Failure> {
        let (version, kind) = (&object["apiVersion"], &object["kind"]);
        if object.is_object() && self.kind.custom && *kind != self.kind.kind.as_str() {
            let cause = Cause::invalid("kind", kind, &format!("must be {}", self.kind.kind));
            let resource = kind.as_str().unwrap_or_default();
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            return Err(Failure::invalid(Named { group: &self.kind.group, resource, name }, &[cause]));
        }
        if !object.is_object() || *kind != self.kind.kind.as_str() {
            return Err(Failure::bad_request(format!(
                "the object provided is unrecognized (must be of type {}): kind is {kind}",
                self.kind.kind
            )));
        }
        if *version != self.api_version() {
            return Err(Failure::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version ({})",
                self.api_version()
            )));
        }
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        if !namespace.is_empty() && namespace != self.target.namespace {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        Ok(())
    }

    /// Makes an object one of its schema: unknown fields go, defaults come.
    pub(crate) fn admit(&self, object: &mut Value) -> Result<(), Failure> {
        self.place(object);
        self.version.schema.drop_nulls(object);
        self.shape(object)
    }

    /// Puts an object into the namespace of the request.
    pub(crate) fn place(&self, object: &mut Value) {
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        if self.kind.namespaced {
            object["metadata"]["namespace"] = self.target.namespace.clone().into();
        }
    }

    pub(crate) fn shape(&self, object: &mut Value) -> Result<(), Failure> {
        self.readable(object)?;
        let mut unknown = Vec::new();
        self.version.schema.prune(object, "", &mut unknown);
        if self.strict && !unknown.is_empty() {
            let each: Vec<String> =
                unknown.iter().map(|field| format!("unknown field \"{field}\"")).collect();
            return Err(Failure::bad_request(format!("strict decoding error: {}", each.join(", "))));
        }
        self.version.schema.fill(object);
        if !self.kind.custom {
            builtin::complete(&self.kind, object);
        }
        Ok(())
    }

    /// What the server reads into types of its own must be of them: all of a built-in kind, and all metadata.
    pub(crate) fn readable(&self, object: &Value) -> Result<(), Failure> {
        let mut causes = Vec::new();
        self.version.schema.check(object, "", &mut causes);
        let unreadable =
            causes.iter().find(|cause| !self.kind.custom || cause.field.starts_with("metadata."));
        unreadable.map_or(Ok(()), |cause| {
            Err(Failure::bad_request(format!(
                "{} in version \"{}\" cannot be handled as a {}: {}: {}",
                self.kind.kind, self.target.version, self.kind.kind, cause.field, cause.message
            )))
        })
    }

    /// Holds an object against its schema and the rules for metadata.
    pub(crate) fn check(&self, object: &Value, before: Option<&Value>) -> Result<(), Failure> {
        let mut causes = Vec::new();
        names::check_metadata(&object["metadata"], &mut causes);
        if let Some(before) = before {
            names::check_change(&before["metadata"], &object["metadata"], &mut causes);
        }
        if self.kind.custom {
            // A status is not held against the rest, nor the rest against a status.
            let mut only = Vec::new();
            self.version.schema.check(object, "", &mut only);
            causes.extend(only.into_iter().filter(|cause| {
                !self.is_status() || cause.field == "status" || cause.field.starts_with("status.")
            }));
        } else {
            builtin::check(&self.kind, object, before, &mut causes);
        }
        if builtin::is_definition(&self.kind)
            && let Err(wrong) = crate::kinds::defined(object)
        {
            causes.extend(wrong);
        }
        if causes.is_empty() {
            return Ok(());
        }
        Err(self.invalid(object["metadata"]["name"].as_str().unwrap_or_default(), &causes))
    }

    /// What is applied must be known to the schema, whatever is asked of other writes.
    pub(crate) fn known(&self, wanted: &Value) -> Result<(), Failure> {
        let mut unknown = Vec::new();
        self.version.schema.prune(&mut wanted.clone(), "", &mut unknown);
        match unknown.first() {
            None => Ok(()),
            Some(field) => Err(Failure::internal(format!(
                "failed to create typed patch object: .{field}: field not declared in schema"
            ))),
        }
    }

    pub(crate) fn same_name(&self, object: &Value) -> Result<(), Failure> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if name == self.target.name {
            return Ok(());
        }
        Err(Failure::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            self.target.name
        )))
    }

    pub(crate) fn check_namespace(&self, state: &State) -> Result<(), Failure> {
        if !self.kind.namespaced {
            return Ok(());
        }
        let name = self.target.namespace.as_str();
        let spaces = (String::new(), "namespaces".to_owned());
        match state.object(&spaces, "", name) {
            None => Err(Failure::not_found(Named { group: "", resource: "namespaces", name })),
            Some(space) if space["metadata"]["deletionTimestamp"].is_string() => Err(Failure::forbidden(
                self.named(),
                &format!("unable to create new content in namespace {name} because it is being terminated"),
            )),
            Some(_) => Ok(()),
        }
    }
}
