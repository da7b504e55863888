//! A repository in which everything is right: a site of three nodes on VLANs, a single node, a host that stands alone, and
//! policies of every kind.

use super::{open, options, said, written};
use crate::lint::lint;

pub(super) const SITE: &str = "siteconfigs/north.yaml";
pub(super) const SINGLE: &str = "clusterinstances/du-7.yaml";
pub(super) const HOST: &str = "hosts/spare.yaml";
pub(super) const COMMON: &str = "policygentemplates/common.yaml";
pub(super) const GENERATOR: &str = "policies/du.yaml";
pub(super) const PLACEMENT: &str = "policies/placement.yaml";
pub(super) const SECRETS: &str = "secrets/all.yaml";
pub(super) const PROFILE: &str = "profiles/rack.yaml";
pub(super) const KUSTOMIZATION: &str = "siteconfigs/kustomization.yaml";

pub(super) const NETWORK: &str = "hosts/spare-network.yaml";

pub(super) const FILES: [(&str, &str); 15] = [
    (KUSTOMIZATION, "generators:\n- north.yaml\n"),
    ("siteconfigs/bios.profile", "LogicalProc: Enabled\n"),
    (
        "siteconfigs/extra/crun.yaml",
        "apiVersion: machineconfiguration.openshift.io/v1\nkind: MachineConfig\nmetadata: {name: crun}\n",
    ),
    (SITE, NORTH),
    (SINGLE, DU_7),
    (HOST, SPARE),
    (NETWORK, SPARE_NETWORK),
    ("policygentemplates/kustomization.yaml", "generators:\n- common.yaml\n"),
    (
        "policygentemplates/source-crs/Tuned.yaml",
        "apiVersion: tuned.openshift.io/v1\nkind: Tuned\nmetadata: {name: t}\n",
    ),
    (COMMON, TEMPLATE),
    (GENERATOR, POLICIES),
    (PLACEMENT, PLACEMENTS),
    ("policies/manifests/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: du}\n"),
    (SECRETS, DECLARED),
    (PROFILE, RACK),
];

const NORTH: &str = r#"apiVersion: ran.openshift.io/v1
kind: SiteConfig
metadata:
  name: north
  namespace: north
spec:
  baseDomain: example.com
  pullSecretRef: {name: pull-secret}
  clusterImageSetNameRef: openshift-4.18
  clusters:
  - clusterName: north
    clusterLabels:
      common: "true"
      group: compact
    extraManifestPath: extra
    biosConfigRef: {filePath: bios.profile}
    apiVIP: 198.51.100.5
    ingressVIP: 198.51.100.6
    machineNetwork:
    - cidr: 198.51.100.0/24
    clusterNetwork:
    - cidr: 10.128.0.0/14
      hostPrefix: 23
    serviceNetwork:
    - 172.30.0.0/16
    nodes:
    - hostName: n1.north.example.com
      role: master
      bmcAddress: idrac-virtualmedia://192.0.2.11/redfish/v1/Systems/System.Embedded.1
      bmcCredentialsName: {name: bmc-n1}
      bootMACAddress: "02:00:5e:00:01:01"
      crAnnotations:
        add:
          BareMetalHost:
            rackhand.dev/profile: ran-low-latency
            rackhand.dev/iso: http://images.example.com/discovery.iso
      nodeNetwork:
        interfaces:
        - {name: eno1, macAddress: "02:00:5e:00:01:01"}
        config:
          interfaces:
          - {name: eno1, type: ethernet, state: up, mac-address: "02:00:5e:00:01:01"}
          - name: eno1.100
            type: vlan
            state: up
            vlan: {base-iface: eno1, id: 100}
            ipv4:
              enabled: true
              address:
              - {ip: 198.51.100.21, prefix-length: 24}
          - name: eno1.200
            type: vlan
            state: up
            vlan: {base-iface: eno1, id: 200}
            ipv4:
              enabled: true
              address:
              - {ip: 203.0.113.1, prefix-length: 28}
          dns-resolver:
            config:
              server: [192.0.2.53]
          routes:
            config:
            - destination: 0.0.0.0/0
              next-hop-address: 198.51.100.1
              next-hop-interface: eno1.100
    - hostName: n2.north.example.com
      role: master
      bmcAddress: redfish-virtualmedia://192.0.2.12/redfish/v1/Systems/1
      bmcCredentialsName: {name: bmc-n2}
      bootMACAddress: "02:00:5e:00:01:02"
      crAnnotations:
        add:
          BareMetalHost:
            rackhand.dev/profile: rack-special
      nodeNetwork:
        interfaces:
        - {name: eno1, macAddress: "02:00:5e:00:01:02"}
        config:
          interfaces:
          - name: eno1.100
            type: vlan
            state: up
            vlan: {base-iface: eno1, id: 100}
            ipv4:
              enabled: true
              address:
              - {ip: 198.51.100.22, prefix-length: 24}
          - name: eno1.200
            type: vlan
            state: up
            vlan: {base-iface: eno1, id: 200}
            ipv4:
              enabled: true
              address:
              - {ip: 203.0.113.2, prefix-length: 28}
    - hostName: n3.north.example.com
      role: worker
      bmcAddress: redfish-virtualmedia://192.0.2.13/redfish/v1/Systems/1
      bmcCredentialsName: {name: bmc-n3}
      bootMACAddress: "02:00:5e:00:01:03"
      nodeNetwork:
        interfaces:
        - {name: eno1, macAddress: "02:00:5e:00:01:03"}
        config:
          interfaces:
          - {name: eno1, type: ethernet, state: up, ipv4: {enabled: true, dhcp: true}}
"#;

const DU_7: &str = r#"apiVersion: siteconfig.open-cluster-management.io/v1alpha1
kind: ClusterInstance
metadata:
  name: du-7
  namespace: du-7
spec:
  clusterName: du-7
  baseDomain: example.com
  pullSecretRef: {name: pull-secret}
  extraLabels:
    ManagedCluster:
      common: "true"
      group: du
      zone: east
  machineNetwork:
  - cidr: 2001:db8:7::/64
  clusterNetwork:
  - {cidr: "fd01::/48", hostPrefix: 64}
  serviceNetwork:
  - {cidr: "fd02::/112"}
  nodes:
  - hostName: du-7-node
    bmcAddress: redfish-virtualmedia://[2001:db8:b::7]/redfish/v1/Systems/1
    bmcCredentialsName: {name: bmc-du-7}
    bootMACAddress: "02:00:5e:00:07:01"
    nodeNetwork:
      interfaces:
      - {name: eno1, macAddress: "02:00:5e:00:07:01"}
      config:
        interfaces:
        - name: eno1
          type: ethernet
          state: up
          ipv6:
            enabled: true
            address:
            - {ip: "2001:db8:7::21", prefix-length: 64}
            - {ip: "fe80::1", prefix-length: 64}
        dns-resolver:
          config:
            server: ["2001:db8:53::1"]
        routes:
          config:
          - {destination: "::/0", next-hop-address: "2001:db8:7::1", next-hop-interface: eno1}
"#;

const SPARE: &str = r#"apiVersion: metal3.io/v1alpha1
kind: BareMetalHost
metadata:
  name: spare
  namespace: pool
spec:
  online: true
  bootMACAddress: "02:00:5e:00:09:01"
  bmc:
    address: ipmi://192.0.2.19
    credentialsName: bmc-spare
"#;

const SPARE_NETWORK: &str = r#"apiVersion: agent-install.openshift.io/v1beta1
kind: NMStateConfig
metadata:
  name: spare
  namespace: pool
spec:
  interfaces:
  - {name: eth0, macAddress: "02:00:5e:00:09:01"}
  config:
    interfaces:
    - name: eth0.30
      type: vlan
      state: up
      vlan: {base-iface: eth0, id: 30}
      ipv4:
        enabled: true
        address:
        - {ip: 192.0.2.129, prefix-length: 26}
    routes:
      config:
      - {destination: 0.0.0.0/0, next-hop-address: 192.0.2.190, next-hop-interface: eth0.30}
"#;

const TEMPLATE: &str = r#"apiVersion: ran.openshift.io/v1
kind: PolicyGenTemplate
metadata:
  name: common
  namespace: ztp-common
spec:
  bindingRules:
    common: "true"
    group: compact,standard
  bindingExcludedRules:
    ztp-done: ""
  mcp: worker
  sourceFiles:
  - fileName: Tuned.yaml
    policyName: tuned
"#;

const POLICIES: &str = r#"apiVersion: policy.open-cluster-management.io/v1
kind: PolicyGenerator
metadata:
  name: du
policyDefaults:
  namespace: ztp-group
  placement:
    labelSelector:
      matchLabels: {group: du}
      matchExpressions:
      - {key: zone, operator: In, values: [east, west]}
policies:
- name: du-namespace
  manifests:
  - path: manifests/namespace.yaml
  - path: source-crs/Ptp.yaml
- name: du-elsewhere
  placement: {placementPath: placement.yaml}
  manifests:
  - path: manifests
"#;

const PLACEMENTS: &str = r#"apiVersion: cluster.open-cluster-management.io/v1beta1
kind: Placement
metadata:
  name: ready
  namespace: ztp-group
spec:
  predicates:
  - requiredClusterSelector:
      labelSelector:
        matchExpressions:
        - {key: group, operator: Exists}
"#;

const DECLARED: &str = r#"apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: pull-secret, namespace: north}
spec: {encryptedData: {.dockerconfigjson: AgBy3i4OJSWK}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: anything, namespace: du-7}
spec: {target: {name: pull-secret}}
---
apiVersion: v1
kind: Secret
metadata: {name: bmc-n1, namespace: north}
stringData: {username: admin, password: change-me}
---
apiVersion: v1
kind: List
items:
- apiVersion: bitnami.com/v1alpha1
  kind: SealedSecret
  metadata: {name: bmc-n2, namespace: north}
- apiVersion: bitnami.com/v1alpha1
  kind: SealedSecret
  metadata: {name: bmc-n3, namespace: north}
- apiVersion: bitnami.com/v1alpha1
  kind: SealedSecret
  metadata: {name: bmc-du-7, namespace: du-7}
- apiVersion: bitnami.com/v1alpha1
  kind: SealedSecret
  metadata: {name: bmc-spare, namespace: pool}
"#;

const RACK: &str = r#"apiVersion: rackhand.dev/v1alpha1
kind: FirmwareProfile
metadata: {name: rack-special}
spec:
  match: {vendor: Supermicro}
"#;

#[test]
fn a_good_repository_has_no_finding() {
    let directory = written(FILES);
    let report = lint(&open(directory.path()), &options());
    assert_eq!(
        said(directory.path(), &report),
        "10 files, 2 clusters, 5 nodes, 2 policies: 0 errors, 0 warnings\n"
    );
}
