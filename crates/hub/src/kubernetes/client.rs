//! Reaching the hub: by kubeconfig, or as a pod of the cluster.

use std::path::Path;

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::HubError;

/// Who rackhand is to the hub's logs.
const USER_AGENT: &str = concat!("rackhand/", env!("CARGO_PKG_VERSION"));

/// A client of the hub that a kubeconfig names, or of the cluster that this runs in.
///
/// # Errors
/// [`HubError::Kubernetes`] when the file cannot be used, or this is no pod.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, HubError> {
    let wrong = |what: String| HubError::Kubernetes { what };
    let mut config = match kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|error| {
                wrong(format!("the kubeconfig {} cannot be used: {error}", path.display()))
            })?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(|error| {
                wrong(format!("the kubeconfig {} cannot be used: {error}", path.display()))
            })?
        }
        None => Config::incluster().map_err(|error| {
            wrong(format!("no kubeconfig is given, and this is no pod of a cluster: {error}"))
        })?,
    };
    config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(USER_AGENT)));
    Client::try_from(config).map_err(|error| wrong(format!("no client of the hub can be made: {error}")))
}
