//! What the driver does, looked at from the other side.

use std::time::Duration;

use rackhand_bmc::{
    BootMode, BootOverride, BootTarget, ErrorKind, Health, LogId, Operation, Outcome, PowerOffPolicy,
    PowerState, Readiness, ReadyState, ResetType,
};
use rackhand_ipmi::Options;
use tokio::{task::JoinSet, time::timeout};

use crate::sim::{PASSWORD, Sim, connect_to, target, there, until};

#[tokio::test]
async fn it_says_who_the_machine_is() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let bmc = sim.connect().await;
    let who = &bmc.identity;
    assert_eq!(who.manufacturer.as_deref(), Some("Rack maker"));
    assert_eq!(who.model.as_deref(), Some("Model 7"));
    assert_eq!(who.serial.as_deref(), Some("SN-0007"));
    assert_eq!(who.uuid.as_deref(), Some("00112233-4455-4677-8899-aabbccddeeff"));
    assert_eq!(who.bmc_version.as_deref(), Some("9.08"));
    assert_eq!(who.generation, "OpenIPMI, IPMI 2.0");
    let info = bmc.manager().unwrap().info().await.unwrap();
    assert_eq!(info.firmware.as_deref(), Some("9.08"));
    assert_eq!(bmc.manager().unwrap().ready(Readiness::Bmc).await.unwrap(), ReadyState::Ready);
    let ports = bmc.inventory().unwrap().ports().await.unwrap_err();
    assert_eq!(*ports.kind(), ErrorKind::Unsupported);
    let media = bmc.require(Operation::MediaInsertHttp).unwrap_err();
    assert_eq!(media.to_string(), "BMC rack-1: IPMI has no virtual media (IPMI 2.0)");
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn sessions_are_given_back() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    assert_eq!(sim.sessions().await, 0);
    // More often than the user may have sessions.
    for _ in 0..12 {
        let bmc = sim.connect().await;
        assert_eq!(bmc.session.stats().connections, 1);
        bmc.close().await.unwrap();
        bmc.close().await.unwrap();
    }
    assert_eq!(sim.sessions().await, 0);
    let bmc = sim.connect().await;
    assert_eq!(sim.sessions().await, 1);
    drop(bmc);
    until("the session of a dropped connection is given back", || async { sim.sessions().await == 0 }).await;
}

#[tokio::test]
async fn it_switches_the_machine() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let bmc = sim.connect().await;
    let power = bmc.power().unwrap();
    assert_eq!(power.state().await.unwrap(), PowerState::Off);
    assert_eq!(power.reset(ResetType::ForceOff).await.unwrap(), Outcome::Unchanged);
    assert_eq!(sim.setting("power"), None, "nothing was sent");
    assert_eq!(bmc.power_on().await.unwrap(), Outcome::Done);
    assert_eq!(sim.setting("power").as_deref(), Some("1"));
    assert!(sim.ipmitool(&["chassis", "power", "status"]).await.contains("Chassis Power is on"));
    assert_eq!(power.reset(ResetType::On).await.unwrap(), Outcome::Unchanged);
    assert_eq!(power.reset(ResetType::ForceRestart).await.unwrap(), Outcome::Done);
    assert_eq!(sim.setting("reset").as_deref(), Some("1"));
    assert_eq!(power.reset(ResetType::GracefulShutdown).await.unwrap(), Outcome::Done);
    assert_eq!(sim.setting("shutdown").as_deref(), Some("1"));
    assert_eq!(bmc.power_off(PowerOffPolicy::Force).await.unwrap(), Outcome::Done);
    assert_eq!(sim.setting("power").as_deref(), Some("0"));
    assert!(sim.ipmitool(&["chassis", "power", "status"]).await.contains("Chassis Power is off"));
    let kind = power.reset(ResetType::GracefulRestart).await.unwrap_err();
    assert_eq!(*kind.kind(), ErrorKind::Unsupported);
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn a_power_cycle_ends_switched_on() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let bmc = sim.connect().await;
    assert_eq!(bmc.power_on().await.unwrap(), Outcome::Done);
    assert_eq!(bmc.power().unwrap().reset(ResetType::PowerCycle).await.unwrap(), Outcome::Done);
    bmc.wait_power(PowerState::Off, Duration::from_secs(20)).await.unwrap();
    bmc.wait_power(PowerState::On, Duration::from_secs(30)).await.unwrap();
    let powers: Vec<String> = sim
        .told()
        .lines()
        .filter_map(|line| line.strip_prefix("0x20 set power ").map(str::to_owned))
        .collect();
    assert_eq!(powers, ["1", "0", "1"]);
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn it_boots_from_the_network_once() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let bmc = sim.connect().await;
    let boot = bmc.boot().unwrap();
    let wanted = BootOverride { mode: Some(BootMode::Uefi), ..BootOverride::once(BootTarget::Pxe) };
    assert_eq!(boot.set_override(wanted).await.unwrap(), Outcome::Done);
    assert_eq!(sim.setting("boot").as_deref(), Some("pxe"));
    let shown = sim.ipmitool(&["chassis", "bootparam", "get", "5"]).await;
    assert!(shown.contains("Boot Device Selector : Force PXE"), "{shown}");
    assert!(boot.settings().await.unwrap().armed_for(&BootTarget::Pxe));
    assert_eq!(bmc.boot_once(&BootTarget::BiosSetup).await.unwrap(), Outcome::Done);
    assert_eq!(sim.setting("boot").as_deref(), Some("bios"));
    assert_eq!(bmc.boot_once(&BootTarget::Cd).await.unwrap(), Outcome::Done);
    assert_eq!(sim.setting("boot").as_deref(), Some("cdrom"));
    assert_eq!(bmc.clear_boot_override().await.unwrap(), Outcome::Done);
    assert_eq!(sim.setting("boot").as_deref(), Some("none"));
    let error = bmc.boot_once(&BootTarget::UefiHttp).await.unwrap_err();
    assert_eq!(error.to_string(), "BMC rack-1: IPMI has no boot override for UefiHttp");
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn what_the_bmc_lacks_is_said_with_its_code() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let bmc = sim.connect().await;
    let error = bmc.power().unwrap().reset(ResetType::Nmi).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "BMC rack-1: the BMC refused the command (IPMI Chassis Control (diagnostic interrupt)); \
         0xCC: the BMC does not have this control"
    );
    let error = bmc.manager().unwrap().reset().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().ends_with("(IPMI Cold Reset); 0xC1: the BMC does not know the command"),
        "{error}"
    );
    assert_eq!(bmc.power().unwrap().state().await.unwrap(), PowerState::Off);
    bmc.close().await.unwrap();
}

/// What the cure of the quirk is for: without it the override never shows.
#[tokio::test]
async fn without_its_cure_an_override_never_shows() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let mut target = target(PASSWORD);
    target.quirks_off.insert("boot-device-alone".to_owned());
    let bmc = connect_to(sim.port, target, Options::default()).await.unwrap();
    let error = bmc.boot_once(&BootTarget::Pxe).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotObserved);
    assert_eq!(sim.setting("boot").as_deref(), Some("pxe"));
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn it_reads_and_clears_the_event_log() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let bmc = sim.connect().await;
    let logs = bmc.logs().unwrap();
    let log = logs.logs().await.unwrap().remove(0).id;
    assert_eq!(logs.entries(&log, 10).await.unwrap().entries, []);
    let events =
        sim.file("events", "0x04 0x08 0x51 0x6f 0x00 0xff 0xff\n0x04 0x01 0x30 0x01 0x59 0x60 0x50\n");
    sim.ipmitool(&["sel", "add", &events.display().to_string()]).await;
    let entries = logs.entries(&log, 10).await.unwrap().entries;
    let told: Vec<(&str, Health)> =
        entries.iter().map(|entry| (entry.message.as_str(), entry.severity)).collect();
    assert_eq!(
        told,
        [
            ("Temperature sensor 0x30: Upper Critical - going high", Health::Critical),
            ("Power Supply sensor 0x51: Presence detected", Health::Unknown)
        ]
    );
    assert_eq!(logs.entries(&log, 1).await.unwrap().entries, entries[..1]);
    assert_eq!(logs.clear(&log).await.unwrap(), Outcome::Done);
    assert_eq!(logs.entries(&log, 10).await.unwrap().entries, []);
    let info = sim.ipmitool(&["sel", "info"]).await;
    assert!(
        info.lines().any(|line| line.starts_with("Entries") && line.trim_end().ends_with(": 0")),
        "{info}"
    );
    let other = logs.entries(&LogId("Lclog".to_owned()), 1).await.unwrap_err();
    assert_eq!(*other.kind(), ErrorKind::NotFound);
    bmc.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_are_switched_on() {
    if !there() {
        return;
    }
    let mut starting: JoinSet<Sim> = (0..50).map(|_| Sim::start()).collect();
    let mut sims = Vec::new();
    while let Some(sim) = starting.join_next().await {
        sims.push(sim.unwrap());
    }
    let mut working = JoinSet::new();
    for port in sims.iter().map(|sim| sim.port) {
        working.spawn(async move {
            let bmc = connect_to(port, target(PASSWORD), Options::default()).await?;
            let done = (bmc.boot_once(&BootTarget::Pxe).await?, bmc.power_on().await?);
            bmc.close().await?;
            Ok::<_, rackhand_bmc::Error>(done)
        });
    }
    let all = async {
        while let Some(done) = working.join_next().await {
            assert_eq!(done.unwrap().unwrap(), (Outcome::Done, Outcome::Done));
        }
    };
    timeout(Duration::from_secs(120), all).await.unwrap();
    for sim in &sims {
        assert_eq!(
            (sim.setting("boot"), sim.setting("power")),
            (Some("pxe".to_owned()), Some("1".to_owned()))
        );
    }
}
