//! Who may do what.

use serde_json::{Value, json};

use crate::api::{Api, GROUP};

pub(crate) async fn nobody_without_a_token_is_known(api: &Api) {
    api.with_token("wrong").get(&api.things()).await.fails(401, "Unauthorized");
}

/// The same server as a user without rights.
fn user(api: &Api) -> Option<Api> {
    let token = api.user_token.as_ref();
    if token.is_none() {
        println!("skipped: no token of a user without rights is named");
    }
    token.map(|token| api.with_token(token))
}

async fn grant(api: &Api, name: &str, rules: &Value) {
    let base = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", api.namespace);
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": { "name": name }, "rules": rules });
    api.post(&format!("{base}/roles"), &role).await.ok();
    let binding = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": name },
        "subjects": [{ "kind": "User", "name": "rackhand-user", "apiGroup": "rbac.authorization.k8s.io" }],
        "roleRef": { "kind": "Role", "name": name, "apiGroup": "rbac.authorization.k8s.io" } });
    api.post(&format!("{base}/rolebindings"), &binding).await.ok();
}

pub(crate) async fn rights_come_from_roles(api: &Api) {
    let Some(user) = user(api) else { return };
    api.make("one", &json!({ "mode": "fast" })).await;
    let body = user.get(&api.things()).await.fails(403, "Forbidden");
    assert_eq!(
        body["message"],
        format!(
            "things.{GROUP} is forbidden: User \"rackhand-user\" cannot list resource \"things\" in API group \
             \"{GROUP}\" in the namespace \"{}\"",
            api.namespace
        )
    );
    let rules = json!([
        { "apiGroups": [GROUP], "resources": ["things"], "verbs": ["get", "list"] },
        { "apiGroups": [GROUP], "resources": ["things/status"], "verbs": ["patch"] },
    ]);
    grant(api, "reader", &rules).await;
    api.eventually("the right is granted", async || user.get(&api.things()).await.code == 200).await;
    user.get(&api.thing("one")).await.ok();
    let status = json!({ "status": { "phase": "New" } });
    user.merge(&format!("{}/status", api.thing("one")), &status).await.ok();
    user.merge(&api.thing("one"), &json!({})).await.fails(403, "Forbidden");
    user.delete(&api.thing("one"), &json!({})).await.fails(403, "Forbidden");
    let body = user.get(&format!("/apis/{GROUP}/v1alpha1/things")).await.fails(403, "Forbidden");
    assert!(body["message"].as_str().unwrap().ends_with("at the cluster scope"), "{body}");
    let body = user.get(&format!("{}/status", api.thing("one"))).await.fails(403, "Forbidden");
    assert!(body["message"].as_str().unwrap().contains("\"things/status\""), "{body}");
}

pub(crate) async fn rights_can_be_for_names(api: &Api) {
    let Some(user) = user(api) else { return };
    for name in ["mine", "other"] {
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name } });
        api.post(&api.core("secrets"), &secret).await.ok();
    }
    let rules = json!([
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["mine"] },
    ]);
    grant(api, "one-secret", &rules).await;
    let mine = format!("{}/mine", api.core("secrets"));
    api.eventually("the right is granted", async || user.get(&mine).await.code == 200).await;
    let body = user.get(&format!("{}/other", api.core("secrets"))).await.fails(403, "Forbidden");
    assert_eq!(
        body["message"],
        format!(
            "secrets \"other\" is forbidden: User \"rackhand-user\" cannot get resource \"secrets\" in API group \
             \"\" in the namespace \"{}\"",
            api.namespace
        )
    );
    user.get(&api.core("secrets")).await.fails(403, "Forbidden");
}
