//! Fields that no generator knows. A PolicyGenTemplate or PolicyGenerator never reaches the API server, so nobody else
//! would refuse them. Those of specs are found by rackhand-spec.

use rackhand_spec::{located::Field, nearest};

use super::Rule;
use super::finding::Finding;
use super::policies::Policies;

const OBJECT: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];

const TEMPLATE: &[&str] = &[
    "bindingExcludedRules",
    "bindingRules",
    "complianceType",
    "evaluationInterval",
    "mcp",
    "remediationAction",
    "sourceFiles",
    "wrapInPolicy",
];

const SOURCE_FILE: &[&str] = &[
    "binaryData",
    "complianceType",
    "data",
    "evaluationInterval",
    "fileName",
    "metadata",
    "policyName",
    "remediationAction",
    "spec",
    "status",
];

const GENERATOR: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "placementBindingDefaults",
    "policies",
    "policyDefaults",
    "policySetDefaults",
    "policySets",
];

/// What `policyDefaults` and each policy can say.
const POLICY: &[&str] = &[
    "categories",
    "complianceType",
    "configurationPolicyAnnotations",
    "consolidateManifests",
    "controls",
    "copyPolicyMetadata",
    "customMessage",
    "dependencies",
    "description",
    "disabled",
    "evaluationInterval",
    "extraDependencies",
    "gatekeeperEnforcementAction",
    "generatePlacementWhenInSet",
    "generatePolicyPlacement",
    "hubTemplateOptions",
    "ignorePending",
    "informGatekeeperPolicies",
    "informKyvernoPolicies",
    "metadataComplianceType",
    "namespaceSelector",
    "objectSelector",
    "orderManifests",
    "placement",
    "policyAnnotations",
    "policyLabels",
    "policySets",
    "pruneObjectBehavior",
    "recordDiff",
    "recreateOption",
    "remediationAction",
    "severity",
    "standards",
];

const DEFAULTS_ONLY: &[&str] = &["namespace", "orderPolicies"];
const POLICY_ONLY: &[&str] = &["manifests", "name"];

const MANIFEST: &[&str] = &[
    "complianceType",
    "customMessage",
    "evaluationInterval",
    "extraDependencies",
    "gatekeeperEnforcementAction",
    "hubTemplateOptions",
    "ignorePending",
    "metadataComplianceType",
    "name",
    "namespaceSelector",
    "objectSelector",
    "openapi",
    "patches",
    "path",
    "pruneObjectBehavior",
    "recordDiff",
    "recreateOption",
    "remediationAction",
    "severity",
];

const PLACED: &[&str] = &[
    "clusterSelector",
    "clusterSelectors",
    "labelSelector",
    "name",
    "placementName",
    "placementPath",
    "placementRuleName",
    "placementRulePath",
];

const SET: &[&str] = &["description", "generatePolicySetPlacement", "name", "placement", "policies"];

pub(crate) fn check(policies: &Policies<'_>, out: &mut Vec<Finding>) {
    for template in &policies.templates {
        known(&template.root, &[OBJECT], out);
        let Some(spec) = template.root.get("spec") else { continue };
        known(&spec, &[TEMPLATE], out);
        each(&spec, "sourceFiles", |file| known(file, &[SOURCE_FILE], out));
    }
    for generator in &policies.generators {
        let root = &generator.root;
        known(root, &[GENERATOR], out);
        if let Some(defaults) = root.get("policyDefaults") {
            known(&defaults, &[POLICY, DEFAULTS_ONLY], out);
            placement(&defaults, out);
        }
        each(root, "policies", |policy| {
            known(policy, &[POLICY, POLICY_ONLY], out);
            placement(policy, out);
            each(policy, "manifests", |manifest| known(manifest, &[MANIFEST], out));
        });
        each(root, "policySets", |set| {
            known(set, &[SET], out);
            placement(set, out);
        });
    }
}

fn placement(at: &Field<'_>, out: &mut Vec<Finding>) {
    if let Some(placement) = at.get("placement") {
        known(&placement, &[PLACED], out);
    }
}

fn each<'a>(at: &Field<'a>, name: &str, mut with: impl FnMut(&Field<'a>)) {
    for item in at.get(name).map(|at| at.items()).unwrap_or_default() {
        with(&item);
    }
}

fn known(at: &Field<'_>, names: &[&[&'static str]], out: &mut Vec<Finding>) {
    let all = || names.iter().copied().flatten().copied();
    for (key, field) in at.entries() {
        if all().any(|name| name == key) {
            continue;
        }
        let absent = all().filter(|name| at.get(name).is_none());
        let message = format!("unknown field `{key}`, which the generator passes over or refuses");
        let finding = Finding::warning(&field.at_key(), Rule::UnknownField, message);
        out.push(match nearest(key, absent) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding,
        });
    }
}
