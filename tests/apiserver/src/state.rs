//! What the server remembers: kinds, objects, and the changes that watches are told of.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use crate::kinds::{GroupResource, Kind, built_in};

/// Namespace (empty for what has none) and name.
pub(crate) type ObjectKey = (String, String);

/// The resourceVersion that everything begins after: versions below it are those of a server long gone.
const FIRST_VERSION: u64 = 1_000;
/// How many changes are kept for watches unless they are compacted before.
const HISTORY: usize = 20_000;

/// One change of one object.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: GroupResource,
    pub(crate) namespace: String,
    /// What it was before; `None` when it is new.
    pub(crate) before: Option<Arc<Value>>,
    /// What it is now; `None` when it is gone.
    pub(crate) after: Option<Arc<Value>>,
}

/// All state behind the one lock.
pub(crate) struct State {
    pub(crate) kinds: BTreeMap<GroupResource, Arc<Kind>>,
    objects: BTreeMap<GroupResource, BTreeMap<ObjectKey, Arc<Value>>>,
    pub(crate) history: VecDeque<Change>,
    version: u64,
    /// Watches must not begin before this version.
    compacted: u64,
    /// Numbers for uids and generated names.
    made: u64,
    epoch: Timestamp,
    began: Instant,
}

impl State {
    pub(crate) fn new(epoch: Timestamp) -> Self {
        let kinds = built_in().into_iter().map(|kind| (kind.key(), Arc::new(kind))).collect();
        Self {
            kinds,
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            version: FIRST_VERSION,
            compacted: FIRST_VERSION,
            made: 0,
            epoch,
            began: Instant::now(),
        }
    }

    /// The date, in whole seconds as objects carry it.
    pub(crate) fn now(&self) -> String {
        let passed = SignedDuration::try_from(self.began.elapsed()).unwrap_or(SignedDuration::MAX);
        let now = self.epoch.saturating_add(passed).unwrap_or(Timestamp::MAX);
        now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// Forgets every change so far.
    pub(crate) fn compact(&mut self) {
        self.history.clear();
        self.compacted = self.version;
    }

    pub(crate) fn uid(&mut self) -> String {
        self.made += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.made)
    }

    /// Five letters that no earlier call gave.
    pub(crate) fn suffix(&mut self) -> String {
        const LETTERS: [char; 27] = [
            'b', 'c', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'q', 'r', 's', 't', 'v', 'w', 'x',
            'z', '2', '4', '5', '6', '7', '8', '9',
        ];
        self.made += 1;
        // Spread, so that neighbours do not look alike; prime to the modulus, so that none comes twice.
        let mut rest = self.made.wrapping_mul(2_654_435_761) % 27_u64.pow(5);
        let mut text = String::new();
        for _ in 0..5 {
            let digit = usize::try_from(rest % 27).unwrap_or(0);
            text.extend(LETTERS.get(digit));
            rest /= 27;
        }
        text
    }

    /// The objects of a resource, in order.
    pub(crate) fn objects(&self, key: &GroupResource) -> impl Iterator<Item = (&ObjectKey, &Arc<Value>)> {
        self.objects.get(key).into_iter().flatten()
    }

    pub(crate) fn object(&self, key: &GroupResource, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(key)?.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// Stores an object under the next version, and returns it as stored.
    pub(crate) fn put(
        &mut self,
        key: &GroupResource,
        namespace: &str,
        name: &str,
        mut object: Value,
    ) -> Arc<Value> {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let object = Arc::new(object);
        let place = (namespace.to_owned(), name.to_owned());
        let before = self.objects.entry(key.clone()).or_default().insert(place, Arc::clone(&object));
        self.remember(key, namespace, before, Some(Arc::clone(&object)));
        object
    }

    /// Removes an object, which was `last` at its end; what is returned carries the version of its removal.
    pub(crate) fn remove(
        &mut self,
        key: &GroupResource,
        namespace: &str,
        name: &str,
        last: Option<Value>,
    ) -> Option<Arc<Value>> {
        let place = (namespace.to_owned(), name.to_owned());
        let before = self.objects.get_mut(key)?.remove(&place)?;
        self.version += 1;
        let mut last = last.unwrap_or_else(|| Value::clone(&before));
        last["metadata"]["resourceVersion"] = self.version.to_string().into();
        let last = Arc::new(last);
        self.remember(key, namespace, Some(Arc::clone(&last)), None);
        Some(last)
    }

    fn remember(
        &mut self,
        key: &GroupResource,
        namespace: &str,
        before: Option<Arc<Value>>,
        after: Option<Arc<Value>>,
    ) {
        let change = Change {
            version: self.version,
            key: key.clone(),
            namespace: namespace.to_owned(),
            before,
            after,
        };
        self.history.push_back(change);
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.compacted = oldest.version;
        }
    }
}
