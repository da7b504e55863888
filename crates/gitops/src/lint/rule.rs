//! Every rule that a repository is held against: its name, what it means and what to do.

use std::fmt;
use std::str::FromStr;

use rackhand_spec::{Code, nearest};
use serde::{Serialize, Serializer};

macro_rules! rules {
    ($($variant:ident $name:literal $about:literal $remedy:literal,)*) => {
        /// What a finding is about. Its name is what `--allow` and a comment in a file say.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $about] $variant,)*
        }

        impl Rule {
            /// Every rule, in the order in which they are explained.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name, as in `duplicate-ip`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it finds.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

rules! {
    // What is found in each file by itself, as `validate` finds it.
    Unreadable "unreadable"
        "A file cannot be read, or is not YAML."
        "Mend the syntax; the place is where reading stopped.",
    UnknownField "unknown-field"
        "A field that no version of the format has; the hub's generators pass over some of these in silence."
        "Correct the name, or take the field out.",
    MissingField "missing-field"
        "A field that must be there is missing."
        "Add it.",
    WrongType "wrong-type"
        "A value has another type than its field."
        "Write the type that the message asks for.",
    InvalidValue "invalid-value"
        "A value is not allowed in its field."
        "Write one that is.",
    NotUsed "not-used"
        "A field that is the hub's business and not rackhand's; never reported for a repository."
        "Nothing.",
    Shadowed "shadowed"
        "A field counts for no node, because every node has a nearer one."
        "Take it out, or take the nearer ones out.",
    Sloppy "sloppy"
        "A value is accepted although the format asks for another form of it."
        "Write the form that the message shows.",
    Conflict "conflict"
        "Two fields of one cluster disagree, as a VIP outside of the machine network does."
        "Correct the one that is wrong.",
    DuplicateNode "duplicate-node"
        "Two nodes of one cluster have the same host name."
        "Rename one of them.",
    DuplicateMac "duplicate-mac"
        "Two nodes have the same MAC address, in the boot MAC, the interfaces or nmstate."
        "Read the address off the machine; one of the two was copied.",
    DuplicateBmc "duplicate-bmc"
        "Two nodes have the same BMC, or one claims the whole of a BMC of which another has a System."
        "Correct the address that was copied, or name each node's System.",
    DuplicateHostName "duplicate-host-name"
        "Nodes of two clusters have the same host name."
        "Rename one, unless both are meant.",
    Kustomize "kustomize"
        "kustomize changes what it lists, and was not or could not be run."
        "Install kustomize, or lint the output of `kustomize build`.",
    Skipped "skipped"
        "A document or file is left out."
        "List its file in kustomization.yaml, or take it away.",
    // Names and addresses across sites.
    DuplicateCluster "duplicate-cluster"
        "Two clusters have the same name, which is also their namespace on the hub."
        "Rename one, or take away the SiteConfig that a ClusterInstance replaces.",
    DuplicateIp "duplicate-ip"
        "Two interfaces or BMCs have the same address. A warning where neither cluster counts it among its machine networks."
        "Give one of them another address.",
    DuplicateVip "duplicate-vip"
        "Two clusters have the same API or ingress address."
        "Give one of them another address.",
    VipIsNodeAddress "vip-is-node-address"
        "A cluster's virtual address is also that of a node or BMC."
        "Choose a virtual address that no host has.",
    VipsEqual "vips-equal"
        "API and ingress of a cluster with several control-plane nodes have one address."
        "Give ingress an address of its own.",
    VipMissing "vip-missing"
        "A cluster with several control-plane nodes has no address for its API or ingress."
        "Write apiVIPs and ingressVIPs; with a load balancer of your own, platformType: None.",
    NetworkOverlap "network-overlap"
        "Two of machineNetwork, clusterNetwork and serviceNetwork overlap, so that some hosts cannot be reached from pods."
        "Choose another range for pods or services.",
    NodeOutside "node-outside-machine-network"
        "None of a node's static addresses is in the machine network; its installation would not begin."
        "Correct the address, the prefix or machineNetwork.",
    Gateway "gateway-unreachable"
        "A route's gateway is in no network of the interface that it goes through, or that interface is not configured."
        "Correct the gateway, the address or its prefix-length.",
    DnsServer "dns-server-unreachable"
        "A name server is in no network of the node, and no route leads to it."
        "Add a route, or name another server.",
    // VLANs.
    VlanId "vlan-id"
        "A VLAN's number is missing or not within 1 to 4094."
        "Write the number that the switch port has.",
    VlanBase "vlan-base-interface"
        "A VLAN stands on an interface that the node does not name."
        "Correct base-iface, or add the interface to nodeNetwork.",
    VlanTwoSubnets "vlan-two-subnets"
        "One VLAN has two sub-networks within a site."
        "Correct the address, the prefix-length or the VLAN; allow it where two ranges share a VLAN on purpose.",
    SubnetTwoVlans "subnet-two-vlans"
        "One sub-network is on two VLANs within a site."
        "Correct the VLAN's number or the address.",
    // Policies.
    BindingMatchesNothing "binding-matches-no-cluster"
        "A policy's binding matches no cluster of the repository."
        "Correct the label in the binding or in the cluster.",
    ClusterWithoutPolicy "cluster-without-policy"
        "No policy of the repository matches a cluster, which is installed and then left as it is."
        "Give the cluster the labels that the bindings ask for.",
    BindingContradiction "binding-contradiction"
        "A binding asks for a label and excludes it; the generator refuses it."
        "Take one of the two out.",
    BindingsNotChecked "bindings-not-checked"
        "There are policies and no clusters here, or not all that there is could be read, so bindings are not checked."
        "Mend what cannot be read, or lint the clusters' repository together with this one.",
    McpWithoutNode "mcp-without-node"
        "A policy configures a machine config pool in which a cluster has no node."
        "Write `mcp: master` for clusters without workers.",
    MissingSourceFile "missing-source-file"
        "A policy's manifest is not in the repository. A note where it may come from the generator's image."
        "Add the file, or correct the path; it is relative to the policy's own directory.",
    // Secrets.
    MissingSecret "missing-secret"
        "A Secret that a cluster or node names is neither here nor declared by a SealedSecret or ExternalSecret."
        "Make it on the hub, in the cluster's namespace, before the site is synchronised.",
    SecretElsewhere "secret-in-other-namespace"
        "A Secret of the right name is in another namespace, where neither the hub nor rackhand looks."
        "Put it into the namespace of the cluster.",
    PlainSecret "secret-in-plain-text"
        "A Secret with real data is in the repository for everybody to read who can read Git."
        "Change the password, then keep it in a SealedSecret, an ExternalSecret, or on the jump host.",
    // Profiles and files.
    MissingProfile "missing-profile"
        "A node asks for a firmware profile that there is not, or not for the vendor that its BMC address names."
        "Correct rackhand.dev/profile; `rackhand profile list` shows what there is.",
    BadProfile "unreadable-profile"
        "A firmware profile in the repository cannot be read."
        "Mend it as the message says.",
    UnusedProfile "unused-profile"
        "No node asks for a firmware profile of the repository."
        "Take it away, or name it in a node's rackhand.dev/profile.",
    MissingFile "missing-file"
        "A SiteConfig names a file or directory that is not there."
        "Add it, or correct the path; it is relative to the SiteConfig.",
    // What only the network knows.
    NameUnresolved "name-not-resolved"
        "A name that the cluster needs has no address. A note for api-int where the cluster serves it itself."
        "Add the record to DNS.",
    NameElsewhere "name-resolves-elsewhere"
        "A name of the cluster has another address than the specs say."
        "Correct the record, or the virtual address.",
    LoadBalancer "load-balancer-silent"
        "Nothing answers at a port of the API or of ingress, which is so before the installation."
        "Nothing before the installation; afterwards look at the cluster.",
    IsoUnreachable "iso-unreachable"
        "The ISO cannot be had from where this was run."
        "Correct the URL or path, or make the server reachable.",
    IsoSize "iso-size"
        "The size of an ISO that can be had."
        "Nothing.",
    BmcUnreachable "bmc-unreachable"
        "A BMC does not answer at its port from where this was run."
        "Check the address, the cable and the firewall.",
    NotProbed "not-probed"
        "Something that cannot be asked over TCP, as IPMI."
        "Nothing.",
}

impl From<Code> for Rule {
    fn from(code: Code) -> Self {
        // Every code has its rule; a test holds the two lists together.
        Self::ALL.iter().copied().find(|rule| rule.name() == code.name()).unwrap_or(Self::InvalidValue)
    }
}

/// There is no rule of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule `{name}`{}", near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownRule {
    name: String,
    near: Option<&'static str>,
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim();
        let found = Self::ALL.iter().copied().find(|rule| rule.name() == name);
        found.ok_or_else(|| UnknownRule {
            name: name.to_owned(),
            near: nearest(name, Self::ALL.iter().map(|rule| rule.name())),
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_specs_has_its_rule_and_every_name_is_its_own() {
        for code in Code::ALL {
            assert_eq!(Rule::from(code).name(), code.name());
        }
        for rule in Rule::ALL {
            assert_eq!(rule.name().parse(), Ok(*rule));
            assert!(rule.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{rule}");
            assert!(rule.about().ends_with('.') && rule.remedy().ends_with('.'), "{rule}");
        }
        let names: std::collections::BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
        let unknown = "duplicate-ips".parse::<Rule>().unwrap_err();
        assert_eq!(unknown.to_string(), "there is no rule `duplicate-ips`; did you mean `duplicate-ip`?");
    }
}
