//! Virtual media.

use http::Method;
use rackhand_bmc::{ErrorKind, MediaImage, Outcome, SlotId};
use rackhand_testing::{Reply, Service};
use serde_json::json;

use super::Cure;
use crate::{
    support::{MANAGER, SYSTEM, dell},
    whole::whole,
};

fn one() -> SlotId {
    SlotId(format!("{SYSTEM}/VirtualMedia/1"))
}

fn image(url: &str) -> MediaImage {
    MediaImage { url: url.to_owned(), credentials: None }
}

/// Inserts what is asked for.
fn inserts(service: Service) -> Service {
    service.rule(|asked, documents| {
        asked.is(&Method::POST, "InsertMedia").then(|| {
            let slot = asked.path.split("/Actions").next().unwrap();
            let now = json!({"Image": asked.body["Image"], "Inserted": true, "ConnectedVia": "URI"});
            documents.merge(slot, &now);
            Reply::empty(204)
        })
    })
}

pub(crate) async fn cannot_insert(cure: &Cure) -> bool {
    let bmc = cure.connect(&dell("13G Monolithic", "2.83.83.83")).await;
    bmc.media().unwrap().slots().await.unwrap().iter().all(|slot| !slot.can_insert)
}

pub(crate) async fn slot_1(cure: &Cure) -> bool {
    cure.connect(&dell("17G Monolithic", "1.20.25.00")).await.choose_slot().await.unwrap().id == one()
}

pub(crate) async fn stale(cure: &Cure) -> bool {
    let service = dell("15G Monolithic", "6.10.30.00");
    service.change(|documents| documents.merge(&one().0, &json!({"Inserted": true})));
    cure.connect(&service).await.media().unwrap().slot(&one()).await.unwrap().is_empty()
}

pub(crate) async fn suffix(cure: &Cure) -> bool {
    let service = inserts(dell("15G Monolithic", "6.10.30.00"));
    let bmc = cure.connect(&service).await;
    match bmc.media().unwrap().insert(&one(), &image("https://images.test/a?b=c")).await {
        Err(error) => matches!(error.kind(), ErrorKind::RejectedValue { .. }) && service.writes().is_empty(),
        Ok(_) => false,
    }
}

pub(crate) async fn share(cure: &Cure) -> bool {
    let service = inserts(dell("15G Monolithic", "6.10.30.00"));
    let bmc = cure.connect(&service).await;
    let url = "nfs://192.0.2.9/isos/a.iso";
    assert_eq!(bmc.media().unwrap().insert(&one(), &image(url)).await.unwrap(), Outcome::Done);
    let holds = bmc.media().unwrap().slot(&one()).await.unwrap().holds(url);
    holds && service.writes()[0].body["Image"] == "192.0.2.9:/isos/a.iso"
}

pub(crate) async fn once(cure: &Cure) -> bool {
    let service = dell("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        asked.is(&Method::POST, "InsertMedia").then(|| Reply::error(500, "IDRAC.2.8.RAC0904", "unreachable"))
    });
    let bmc = cure.connect(&service).await;
    assert!(bmc.media().unwrap().insert(&one(), &image("https://images.test/a.iso")).await.is_err());
    service.writes().len() == 1
}

pub(crate) async fn detached(cure: &Cure) -> bool {
    let attributes = format!("{MANAGER}/Oem/Dell/DellAttributes/iDRAC.Embedded.1");
    let service = whole("15G Monolithic", "6.10.30.00").rule(move |asked, documents| {
        let mode = documents.get(&attributes).unwrap()["Attributes"]["VirtualMedia.1.Attached"].clone();
        let refused = asked.is(&Method::POST, "InsertMedia") && mode == "Detached";
        refused
            .then(|| Reply::error(400, "IDRAC.2.8.VRM0021", "Virtual Media is detached or already in use."))
    });
    let service = inserts(service).rule(|asked, _| {
        asked.is(&Method::POST, "EjectMedia").then(|| Reply::error(500, "IDRAC.2.8.SYS446", "it is empty"))
    });
    let bmc = cure.connect(&service).await;
    matches!(
        bmc.media().unwrap().insert(&one(), &image("https://images.test/a.iso")).await,
        Ok(Outcome::Done)
    )
}
