//! An XML API for tests: sessions with an end, a tree of objects, and nothing that a test does not say.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use http::Response;
use rackhand_bmc::{Bmc, Driver, Ledger, Target};
use rackhand_cimc::{Cimc, xml::Element};
use rackhand_http::{
    BoxFuture, ConnectionStats, Origin, Request, Transport, TransportError, TransportResult,
};
use rackhand_redfish::Link;
use rackhand_testing::Service;
use tokio::time::{Instant, sleep};

/// A test's own answer to some methods; an element, or `None` for a lost answer.
type Rule = dyn Fn(&Element, &mut Tree) -> Option<Reply> + Send + Sync;

/// What a rule makes of a method.
pub(crate) enum Reply {
    /// An answer.
    Answer(Element),
    /// The method is carried out, and its answer lost.
    DoneButLost,
    /// Another HTTP status.
    Status(u16),
    /// Carried out, and answered after so long.
    Late(Duration),
}

/// Objects by dn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(pub(crate) BTreeMap<String, Element>);

/// The API. Clones share everything.
#[derive(Clone)]
pub(crate) struct Nuova {
    redfish: Arc<dyn Transport>,
    service: Service,
    state: Arc<Mutex<State>>,
}

struct State {
    tree: Tree,
    rules: Vec<Arc<Rule>>,
    methods: Vec<Element>,
    /// Cookies and when they end.
    sessions: BTreeMap<String, Instant>,
    period: u64,
    count: u32,
    /// What `aaaLogin` accepts.
    password: String,
}

impl fmt::Debug for Nuova {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nuova")
    }
}

/// An object.
pub(crate) fn object(class: &str, dn: &str, attributes: &[(&str, &str)]) -> Element {
    let object = Element::new(class).with("dn", dn);
    attributes.iter().fold(object, |object, (name, value)| object.with(*name, *value))
}

/// An error as the API answers it.
pub(crate) fn fault(method: &Element, code: &str, text: &str) -> Reply {
    Reply::Answer(
        Element::new(method.name.as_str())
            .with("response", "yes")
            .with("errorCode", code)
            .with("invocationResult", "unidentified-fail")
            .with("errorDescr", text),
    )
}

impl Nuova {
    /// The API of a machine with these objects, beside a Redfish service.
    pub(crate) fn beside(service: &Service, objects: &[Element]) -> Self {
        let mut tree = Tree::default();
        objects.iter().for_each(|object| tree.put(object.clone()));
        let state = State {
            tree,
            rules: Vec::new(),
            methods: Vec::new(),
            sessions: BTreeMap::new(),
            period: 600,
            count: 0,
            password: "calvin".to_owned(),
        };
        Self { redfish: service.transport(), service: service.clone(), state: Arc::new(Mutex::new(state)) }
    }

    /// Adds a rule. The first that answers counts.
    pub(crate) fn rule(
        self,
        rule: impl Fn(&Element, &mut Tree) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        self.lock().rules.push(Arc::new(rule));
        self
    }

    /// The same with another password.
    pub(crate) fn password(self, password: &str) -> Self {
        self.lock().password = password.to_owned();
        self
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Names of the methods so far.
    pub(crate) fn methods(&self) -> Vec<String> {
        self.lock().methods.iter().map(|method| method.name.clone()).collect()
    }

    /// What was changed so far: the objects of every `configConfMo`.
    pub(crate) fn changes(&self) -> Vec<Element> {
        let methods = self.lock().methods.clone();
        methods
            .into_iter()
            .filter(|method| method.name == "configConfMo")
            .flat_map(|method| method.children)
            .flat_map(|config| config.children)
            .collect()
    }

    /// How many sessions are open now.
    pub(crate) fn open(&self) -> usize {
        let now = Instant::now();
        self.lock().sessions.values().filter(|ends| **ends > now).count()
    }

    /// Ends every session, as a restart does.
    pub(crate) fn end_sessions(&self) {
        self.lock().sessions.clear();
    }

    /// Changes objects.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Tree) -> T) -> T {
        change(&mut self.lock().tree)
    }

    /// The driver, connected.
    pub(crate) async fn connect(&self, target: Target) -> Bmc {
        let link = Link { transport: Arc::new(self.clone()), root: self.service.link().await.root };
        Cimc.connect(link, target).await.unwrap()
    }

    /// The transport alone.
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }

    async fn answer(&self, request: &Request) -> TransportResult {
        let method = Element::parse(request.message.body()).unwrap();
        let (reply, answer) = {
            let mut state = self.lock();
            state.methods.push(method.clone());
            let State { tree, rules, .. } = &mut *state;
            let reply = rules.iter().find_map(|rule| rule(&method, tree));
            let carried_out = matches!(reply, None | Some(Reply::DoneButLost | Reply::Late(_)));
            let answer = carried_out.then(|| state.itself(&method));
            (reply, answer)
        };
        let lost = || TransportError::Lost {
            peer: "bmc.test".to_owned(),
            method: "POST".to_owned(),
            target: "/nuova".to_owned(),
            reason: "cut by the test".to_owned(),
            maybe_applied: true,
        };
        let answer = match reply {
            Some(Reply::Status(status)) => {
                return Ok(Response::builder().status(status).body(Bytes::new()).unwrap());
            }
            Some(Reply::DoneButLost) => return Err(lost()),
            Some(Reply::Answer(answer)) => answer,
            Some(Reply::Late(wait)) => {
                sleep(wait).await;
                answer.unwrap()
            }
            None => answer.unwrap(),
        };
        Ok(Response::new(answer.to_xml().into()))
    }
}

fn with_children(object: Element, children: Vec<Element>) -> Element {
    children.into_iter().fold(object, Element::with_child)
}

/// A target for which the cure of one quirk is switched off.
pub(crate) fn without(quirk: &str) -> Target {
    assert!(rackhand_cimc::quirks().iter().any(|known| known.name == quirk), "{quirk}");
    Target { quirks_off: [quirk.to_owned()].into(), ..rackhand_testing::target() }
}

impl State {
    fn itself(&mut self, method: &Element) -> Element {
        let answer = Element::new(method.name.as_str()).with("response", "yes");
        let refused =
            |code: &str, text: &str| answer.clone().with("errorCode", code).with("errorDescr", text);
        let now = Instant::now();
        self.sessions.retain(|_, ends| *ends > now);
        let given = method.get("cookie").or_else(|| method.get("inCookie")).unwrap_or_default().to_owned();
        if method.name == "aaaLogin" || method.name == "aaaRefresh" {
            if method.raw("inPassword") != Some(self.password.as_str()) {
                return refused("551", "Authentication failed");
            }
            if method.name == "aaaRefresh" && self.sessions.remove(&given).is_none() {
                return refused("552", "Authorization required");
            }
            self.count += 1;
            let cookie = format!("1217377205/cookie-{}", self.count);
            self.sessions.insert(cookie.clone(), now + Duration::from_secs(self.period));
            let answer = answer.with("outCookie", cookie).with("outRefreshPeriod", self.period.to_string());
            return answer.with("outPriv", "admin").with("outSessionId", self.count.to_string());
        }
        if !self.sessions.contains_key(&given) {
            return refused("552", "Authorization required");
        }
        let out = |name: &str, objects: Vec<Element>| with_children(Element::new(name), objects);
        let tree = &mut self.tree;
        match method.name.as_str() {
            "aaaLogout" => {
                self.sessions.remove(&given);
                answer.with("outStatus", "success")
            }
            "configResolveDn" => {
                let deep = method.says("inHierarchical", "true");
                let found = tree.0.get(method.dn()).cloned().map(|object| {
                    let children = if deep { tree.children(method.dn(), None) } else { Vec::new() };
                    with_children(object, children)
                });
                answer.with_child(out("outConfig", found.into_iter().collect()))
            }
            "configResolveChildren" => {
                let children = tree.children(method.get("inDn").unwrap_or_default(), method.get("classId"));
                answer.with_child(out("outConfigs", children))
            }
            "configResolveClass" => {
                let class = method.get("classId").unwrap_or_default();
                let of_class = tree.0.values().filter(|object| object.name == class).cloned().collect();
                answer.with_child(out("outConfigs", of_class))
            }
            "configConfMo" => {
                let objects: Vec<Element> =
                    method.children.iter().flat_map(|config| config.children.clone()).collect();
                objects.iter().for_each(|object| tree.merge(object));
                answer.with_child(out("outConfig", objects))
            }
            other => refused("ERR-xml-parse-error", &format!("no method named {other}")),
        }
    }
}

impl Tree {
    /// Puts an object.
    pub(crate) fn put(&mut self, object: Element) {
        self.0.insert(object.dn().to_owned(), object);
    }

    /// One attribute of an object.
    pub(crate) fn value(&self, dn: &str, name: &str) -> Option<String> {
        self.0.get(dn)?.get(name).map(str::to_owned)
    }

    fn children(&self, dn: &str, class: Option<&str>) -> Vec<Element> {
        let below = |object: &&Element| {
            let parent = object.dn().rsplit_once('/').map(|(parent, _)| parent);
            parent == Some(dn) && class.is_none_or(|class| object.name == class)
        };
        self.0.values().filter(below).cloned().collect()
    }

    /// Changes objects as `configConfMo` does.
    pub(crate) fn merge(&mut self, change: &Element) {
        if change.says("status", "deleted") {
            self.0.remove(change.dn());
            return;
        }
        let mut object =
            self.0.get(change.dn()).cloned().unwrap_or_else(|| Element::new(change.name.as_str()));
        for (name, value) in change.attributes() {
            object = object.with(name, value);
        }
        self.put(object);
        change.children.iter().for_each(|child| self.merge(child));
    }
}

impl Transport for Nuova {
    fn send(&self, request: Request) -> BoxFuture<'_, TransportResult> {
        Box::pin(async move {
            if request.target() == "/nuova" {
                self.answer(&request).await
            } else {
                self.redfish.send(request).await
            }
        })
    }

    fn origin(&self) -> &Origin {
        self.redfish.origin()
    }

    fn stats(&self) -> ConnectionStats {
        self.redfish.stats()
    }
}

/// A ledger that keeps what it is told.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) open: Mutex<Vec<String>>,
    pub(crate) all: Mutex<Vec<String>>,
    pub(crate) refused: Mutex<u32>,
    pub(crate) full: Mutex<bool>,
}

impl Ledger for Book {
    fn permit_login(&self, bmc: &str, _username: &str) -> rackhand_bmc::Result<()> {
        if *self.refused.lock().unwrap() < 2 {
            return Ok(());
        }
        let kind = rackhand_bmc::ErrorKind::Locked { retry_after: None };
        Err(rackhand_bmc::Error::new(kind, bmc, "no more logins"))
    }

    fn login_refused(&self, _bmc: &str, _username: &str) -> rackhand_bmc::Result<()> {
        *self.refused.lock().unwrap() += 1;
        Ok(())
    }

    fn session_opened(&self, bmc: &str, uri: &str) -> rackhand_bmc::Result<()> {
        if *self.full.lock().unwrap() {
            return Err(rackhand_bmc::Error::new(rackhand_bmc::ErrorKind::Ledger, bmc, "the disk is full"));
        }
        self.open.lock().unwrap().push(uri.to_owned());
        self.all.lock().unwrap().push(uri.to_owned());
        Ok(())
    }

    fn session_closed(&self, _bmc: &str, uri: &str) -> rackhand_bmc::Result<()> {
        self.open.lock().unwrap().retain(|open| open != uri);
        Ok(())
    }

    fn leftover_sessions(&self, _bmc: &str) -> Vec<String> {
        self.open.lock().unwrap().clone()
    }
}
