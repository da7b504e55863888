//! rackhand's own annotations: what the site formats have no field for.
//!
//! They stand among the annotations of the BareMetalHost, because every format can carry those: `crAnnotations.add` of a
//! SiteConfig (node, cluster or site), `extraAnnotations` of a ClusterInstance (node or cluster), `metadata.annotations` of a
//! BareMetalHost. As upstream, a node's map replaces its cluster's and the cluster's the site's: they are not merged.

use crate::common::ROLES;
use crate::cursor::{At, nearest};
use crate::diagnostic::Code;
use crate::node::BOOT_BY;
use crate::{BootBy, Follow, NodeSpec, Role, Sha256};

/// The group that rackhand's annotations are in.
pub const ANNOTATION_GROUP: &str = "rackhand.dev/";

/// Every annotation that rackhand reads, and what it means.
pub const ANNOTATIONS: [(&str, &str); 10] = [
    ("rackhand.dev/profile", "name of the firmware profile, as in ran-low-latency"),
    ("rackhand.dev/iso", "the ISO to boot: a path on the jump host, or a URL"),
    ("rackhand.dev/iso-sha256", "the ISO's SHA-256 digest; an ISO with another one is not booted"),
    (
        "rackhand.dev/ipxe-script",
        "an iPXE script, a path or a URL: a host that boots by PXE is given what it names, in place of what is on the ISO",
    ),
    (
        "rackhand.dev/boot",
        "how the ISO is booted: virtual-media, uefi-http, pxe, network (one of the two before) or any; else as the BMC's address says",
    ),
    ("rackhand.dev/follow", "how an installation is followed: callback or none"),
    ("rackhand.dev/request-id", "a nonce; a changed one asks for a new installation"),
    (
        "rackhand.dev/install",
        "a nonce; it permits one installation over a host that is on and of which no record is found",
    ),
    ("rackhand.dev/bmc-fingerprint", "SHA-256 fingerprint of the BMC's certificate, to trust that one only"),
    ("rackhand.dev/agent", "on a hub: the agent that acts for the host"),
];

/// What the annotations of one BareMetalHost say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Annotations {
    pub(crate) profile: Option<String>,
    pub(crate) iso: Option<String>,
    pub(crate) iso_sha256: Option<Sha256>,
    pub(crate) ipxe_script: Option<String>,
    pub(crate) boot: Option<BootBy>,
    pub(crate) follow: Option<Follow>,
    pub(crate) request_id: Option<String>,
    pub(crate) install: Option<String>,
    pub(crate) bmc_fingerprint: Option<Sha256>,
    /// Who acts for the host was decided before it is read; nothing follows from it here.
    pub(crate) agent: Option<String>,
    /// Those of the assisted-service, which stand for fields that a BareMetalHost does not have.
    pub(crate) host_name: Option<String>,
    pub(crate) role: Option<Role>,
}

impl Annotations {
    /// Reads the annotations of a BareMetalHost that exists.
    pub(crate) fn of_host(map: &At<'_>) -> Self {
        let mut all = Self::default();
        for (key, at) in map.entries() {
            match key.text.as_str() {
                "bmac.agent-install.openshift.io/hostname" => all.host_name = at.word(),
                "bmac.agent-install.openshift.io/role" => all.role = at.choice(ROLES),
                name => all.one(name, &at),
            }
        }
        all
    }

    /// Reads the annotations that the hub is to put on a BareMetalHost.
    pub(crate) fn to_be_added(map: &At<'_>) -> Self {
        let mut all = Self::default();
        for (key, at) in map.entries() {
            all.one(&key.text, &at);
        }
        all
    }

    fn one(&mut self, name: &str, at: &At<'_>) {
        match name {
            "rackhand.dev/profile" => self.profile = at.word(),
            "rackhand.dev/iso" => self.iso = at.word(),
            "rackhand.dev/iso-sha256" => self.iso_sha256 = at.parse(),
            "rackhand.dev/ipxe-script" => self.ipxe_script = at.word(),
            "rackhand.dev/boot" => self.boot = at.choice(BOOT_BY),
            "rackhand.dev/follow" => {
                self.follow = at.choice(&[("callback", Follow::Callback), ("none", Follow::None)]);
            }
            "rackhand.dev/request-id" => self.request_id = at.word(),
            "rackhand.dev/install" => self.install = at.word(),
            "rackhand.dev/bmc-fingerprint" => self.bmc_fingerprint = at.parse(),
            "rackhand.dev/agent" => self.agent = at.word(),
            name if name.starts_with(ANNOTATION_GROUP) => unknown(name, at),
            _ => at.not_used("an annotation for others"),
        }
    }

    /// Puts what they say into a spec.
    pub(crate) fn apply(&self, spec: &mut NodeSpec) {
        spec.profile.clone_from(&self.profile);
        spec.iso.clone_from(&self.iso);
        spec.iso_sha256 = self.iso_sha256;
        spec.ipxe_script.clone_from(&self.ipxe_script);
        spec.boot = self.boot;
        spec.follow = self.follow;
        spec.request_id.clone_from(&self.request_id);
        spec.install.clone_from(&self.install);
        spec.bmc_fingerprint = self.bmc_fingerprint;
    }

    /// The names of rackhand's annotations that are set, for saying which ones a nearer map hides.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let set = [
            self.profile.is_some(),
            self.iso.is_some(),
            self.iso_sha256.is_some(),
            self.ipxe_script.is_some(),
            self.boot.is_some(),
            self.follow.is_some(),
            self.request_id.is_some(),
            self.install.is_some(),
            self.bmc_fingerprint.is_some(),
            self.agent.is_some(),
        ];
        ANNOTATIONS.iter().zip(set).filter(|(_, set)| *set).map(|((name, _), _)| *name).collect()
    }
}

/// An annotation of our group that does not exist: somebody expects it to do something.
fn unknown(name: &str, at: &At<'_>) {
    let known = ANNOTATIONS.iter().map(|(name, _)| *name);
    let message = format!("unknown annotation `{name}`");
    match nearest(name, known.clone()) {
        Some(near) => at.error_help(Code::UnknownField, message, format!("did you mean `{near}`?")),
        None => {
            let known: Vec<&str> = known.collect();
            at.error_help(Code::UnknownField, message, format!("known are {}", known.join(", ")));
        }
    }
}

/// Annotations of an object that is not a BareMetalHost: ours have no effect there, and that is said.
pub(crate) fn elsewhere(map: &At<'_>, instead: &str) {
    for (key, at) in map.entries() {
        if key.text.starts_with(ANNOTATION_GROUP) {
            at.error_help(
                Code::InvalidValue,
                "rackhand's annotations have no effect here",
                format!("write it below {instead}"),
            );
        } else {
            at.not_used("an annotation of the object itself");
        }
    }
}
