//! BIOS tokens by the XML API, for a System without Bios.

use rackhand_bmc::{AttributeVerdict, Bmc, ErrorKind, Operation, Outcome, PendingSettings, Support};
use rackhand_testing::{Service, target};
use serde_json::{Value, json};

use crate::{
    deviations::{SYSTEM, rack},
    nuova::{Nuova, object, without},
};

const SETTINGS: &str = "sys/rack-unit-1/bios/bios-settings";

pub(crate) fn without_bios() -> Service {
    let service = rack();
    service.change(|documents| documents.merge(SYSTEM, &json!({"Bios": Value::Null})));
    service
}

pub(crate) fn nuova(service: &Service) -> Nuova {
    let token = |class: &str, rn: &str, name: &str, value: &str| {
        object(class, &format!("{SETTINGS}/{rn}"), &[("rn", rn), (name, value)])
    };
    Nuova::beside(
        service,
        &[
            object("biosSettings", SETTINGS, &[]),
            token("biosVfSrIov", "sr-iov", "vpSrIov", "Enabled"),
            token("biosVfProcessorC1E", "Processor-C1E", "vpProcessorC1E", "Enabled"),
        ],
    )
}

async fn connect(nuova: &Nuova) -> Bmc {
    nuova.connect(target()).await
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_written_and_shown_once_in_force() {
    let nuova = nuova(&without_bios());
    let bmc = connect(&nuova).await;
    let bios = bmc.bios().unwrap();
    let state = bios.state().await.unwrap();
    assert_eq!((state.current.len(), state.pending), (2, PendingSettings::NotVisible));
    let wanted = [("vpSrIov", "enabled"), ("vpProcessorC1E", "disabled")];
    let wanted = wanted.map(|(name, value)| (name.to_owned(), value.into())).into();
    let plan = bios.plan(&wanted).await.unwrap();
    assert_eq!(plan.satisfied, ["vpSrIov"], "case does not count");
    assert!(plan.problems.is_empty());
    let stage = &plan.stages[0];
    // Before it is in force, the API goes on showing what is.
    let before = bios.verify(stage, None).await.unwrap();
    assert_eq!(before.attributes["vpProcessorC1E"], AttributeVerdict::NotYet);
    let Outcome::Pending(pending) = bios.stage(stage).await.unwrap() else { panic!("staged") };
    assert!(pending.needs_reset && !pending.can_discard);
    let change = nuova.changes().remove(0);
    assert_eq!((change.name.as_str(), change.children.len()), ("biosSettings", 1));
    assert_eq!(change.children[0].raw("vpProcessorC1E"), Some("disabled"));
    assert!(bios.verify(stage, None).await.unwrap().all_applied());
    assert_eq!(bios.stage(stage).await.unwrap(), Outcome::Unchanged);
    assert_eq!(nuova.changes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_machine_lacks_is_a_problem() {
    let nuova = nuova(&without_bios());
    let bmc = connect(&nuova).await;
    let wanted = [("SrIov".to_owned(), "Enabled".into())].into();
    let plan = bmc.bios().unwrap().plan(&wanted).await.unwrap();
    assert_eq!((plan.problems.len(), plan.stages.len()), (1, 0));
    assert_eq!(*bmc.bios().unwrap().discard().await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(*bmc.bios().unwrap().reset_defaults().await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn writing_tokens_is_not_verified_and_needs_leave() {
    let bmc = connect(&nuova(&without_bios())).await;
    assert!(bmc.capabilities.unverified(Operation::BiosStage).unwrap().contains("by the XML API"));
    assert_eq!(bmc.capabilities.get(Operation::BiosRead).unwrap().support, Support::Supported);
}

#[tokio::test(start_paused = true)]
async fn without_the_cure_there_is_no_bios() {
    let bmc = nuova(&without_bios()).connect(without("bios-by-xml")).await;
    assert!(bmc.bios().is_err() && bmc.require(Operation::BiosRead).is_err());
}

#[tokio::test(start_paused = true)]
async fn where_redfish_has_bios_the_xml_api_is_not_asked() {
    let nuova = nuova(&rack());
    let bmc = connect(&nuova).await;
    assert!(bmc.bios().unwrap().state().await.unwrap().current.contains_key("IntelVT"));
    assert!(nuova.methods().is_empty());
}
