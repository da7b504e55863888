//! Collections: their pages, their members, and which form of `$expand` the service understands.

use rackhand_bmc::Skipped;

use crate::document::{Document, View};

/// The members of a collection as far as they could be read.
#[derive(Debug, Clone, Default)]
pub struct Collection {
    /// The members, in the BMC's order.
    pub documents: Vec<Document>,
    /// What could not be read, and why.
    pub skipped: Vec<Skipped>,
}

/// One page of a collection.
pub(crate) struct Page<'a> {
    pub(crate) members: Vec<Member<'a>>,
    pub(crate) next: Option<&'a str>,
}

/// A member as the page shows it.
pub(crate) enum Member<'a> {
    /// A link; the resource must be read.
    Reference(&'a str),
    /// The whole resource.
    Expanded { uri: &'a str, view: View<'a> },
    /// Neither.
    Broken(&'static str),
}

impl<'a> Page<'a> {
    /// Reads a page. `Members` that is null or missing makes an empty one (BlueField), a single object one member.
    pub(crate) fn of(document: &'a Document) -> Self {
        let members = document.view().list("Members").into_iter().map(|view| match view.str("@odata.id") {
            Some(uri) if view.is_reference() => Member::Reference(uri),
            Some(uri) => Member::Expanded { uri, view },
            None => match view.str("") {
                Some(uri) => Member::Reference(uri),
                None => Member::Broken("the member has no @odata.id"),
            },
        });
        let next = document.str("Members@odata.nextLink").or_else(|| document.str("@odata.nextLink"));
        Self { members: members.collect(), next }
    }
}

/// The query that makes a collection bring its members along, when the service root advertises one.
///
/// `.` expands what is not under `Links`, which is where members stand; `*` everything.
pub(crate) fn expand_query(root: &Document) -> Option<&'static str> {
    let expand = root.at("ProtocolFeaturesSupported/ExpandQuery")?;
    let says = |name: &str| expand.bool(name) == Some(true);
    match (says("NoLinks"), says("ExpandAll"), says("Levels")) {
        (true, _, true) => Some("$expand=.($levels=1)"),
        (false, true, true) => Some("$expand=*($levels=1)"),
        (true, _, false) => Some("$expand=."),
        (false, true, false) => Some("$expand=*"),
        (false, false, _) => None,
    }
}
