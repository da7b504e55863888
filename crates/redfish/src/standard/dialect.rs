//! What a vendor may do otherwise: the hooks of the standard driver.
//!
//! Every default is what a sound Redfish service does. A vendor overrides the hooks where its BMC differs, each with
//! what was seen and on which firmware. What differs as a whole operation is a facet put in with
//! [`Standard::with_media`](super::Standard::with_media) and its sisters, which can still call the standard one.

use rackhand_bmc::{
    AttributeVerdict, Attributes, BiosStage, BootOverride, BootTarget, Capabilities, DriveState, Error, Fut,
    HostProgress, Identity, JobState, MediaImage, MediaSlot, Outcome, OverrideEnabled, Readiness, ReadyState,
    ResetType, Vendor,
};
use serde_json::{Map, Value, json};

use super::{
    bios::{BiosEvidence, Registry},
    host::{Host, Machine},
};
use crate::{client::Conduct, document::Document, messages::MessageRule};

/// Where virtual media slots are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaPlace {
    /// `System.VirtualMedia`.
    System,
    /// `Manager.VirtualMedia`.
    Manager,
}

/// The differences of one vendor from the standard driver. Every method has a default.
pub trait Dialect: Send + Sync + 'static {
    // ---- identity ------------------------------------------------------------------------------------------------

    /// Whose driver this is.
    fn vendor(&self) -> Vendor {
        Vendor::Generic
    }

    /// The vendor's messages, tried before the standard ones.
    fn message_rules(&self) -> &'static [MessageRule] {
        &[]
    }

    /// How the BMC wants to be spoken to, as far as its root shows. `message_rules` are added to it.
    fn conduct(&self, root: &Document) -> Conduct {
        let _ = root;
        Conduct::default()
    }

    /// Whether a member of `Systems` is a host. Some services list other things beside it (AMI: `Capabilities`).
    fn is_system(&self, system: &Document) -> bool {
        system.at("PowerState").is_some() || system.action("ComputerSystem.Reset").is_some()
    }

    /// Whether a Manager is the BMC, where several are linked (Cisco links its adapters too).
    fn is_bmc(&self, manager: &Document) -> bool {
        !matches!(
            manager.str("ManagerType"),
            Some("EnclosureManager" | "RackManager" | "Service" | "AuxiliaryController")
        )
    }

    /// Whether the Manager must be read while connecting: for the generation, capabilities or firmware. One request.
    fn needs_manager(&self, root: &Document, system: &Document) -> bool {
        let _ = (root, system);
        true
    }

    /// The BMC's generation in the vendor's words.
    fn generation(&self, machine: &Machine) -> String {
        let product = machine.root.str("Product").map(str::to_owned);
        let version = || machine.root.str("RedfishVersion").map(|version| format!("Redfish {version}"));
        product.or_else(version).unwrap_or_else(|| "Redfish".to_owned())
    }

    /// Corrects what the standard driver read of the machine (Dell: the serial number people know is the SKU).
    fn identity(&self, machine: &Machine, identity: &mut Identity) {
        let _ = (machine, identity);
    }

    /// Adds to, or corrects, what the standard driver knows the machine can do.
    fn capabilities(&self, machine: &Machine, capabilities: &mut Capabilities) {
        let _ = (machine, capabilities);
    }

    // ---- power ---------------------------------------------------------------------------------------------------

    /// The `ResetType` to send. `allowed` is what the BMC advertises, empty when it does not. `None` means that it
    /// cannot be done.
    fn reset_kind(&self, machine: &Machine, wanted: ResetType, allowed: &[String]) -> Option<String> {
        let _ = machine;
        let has = |name: &str| allowed.iter().find(|kind| kind.eq_ignore_ascii_case(name)).cloned();
        if allowed.is_empty() {
            return Some(wanted.as_str().to_owned());
        }
        has(wanted.as_str()).or_else(|| match wanted {
            ResetType::On => has("ForceOn"),
            ResetType::ForceOn => has("On"),
            _ => None,
        })
    }

    /// How far the host is, from one read of the System.
    fn host_progress(&self, system: &Document) -> HostProgress {
        if system.str("PowerState") == Some("Off") {
            return HostProgress::Off;
        }
        match system.str("BootProgress/LastState") {
            Some("OSRunning") => HostProgress::OsRunning,
            Some("OSBootStarted") => HostProgress::OsBooting,
            Some("SetupEntered") => HostProgress::InSetup,
            Some(state) if state.ends_with("Started") || state.ends_with("Complete") => HostProgress::InPost,
            _ => HostProgress::Unknown,
        }
    }

    // ---- boot ----------------------------------------------------------------------------------------------------

    /// Where the boot override is written. The System by default; iDRAC10 wants its settings resource.
    fn boot_target_uri(&self, machine: &Machine) -> String {
        machine.system.uri().to_owned()
    }

    /// How this BMC spells a boot target, given the ones it advertises.
    fn boot_target_name(&self, machine: &Machine, target: &BootTarget, allowed: &[&str]) -> String {
        let _ = (machine, allowed);
        target.as_str().to_owned()
    }

    /// What a target as this BMC spells it means: the reverse of [`boot_target_name`](Self::boot_target_name).
    fn boot_target(&self, name: &str) -> BootTarget {
        BootTarget::parse(name)
    }

    /// Where lasting boot settings are written: the settings resource where the System has one (Dell, Lenovo).
    fn lasting_boot_uri(&self, machine: &Machine) -> String {
        let system = &machine.system;
        system.link("@Redfish.Settings/SettingsObject").unwrap_or_else(|| system.uri()).to_owned()
    }

    /// Whether `BootSourceOverrideEnabled` must stand in whatever is written of `Boot`, even unchanged.
    fn boot_wants_enabled(&self) -> bool {
        false
    }

    /// The bodies to try for an override, in order; the next only when a value of the one before was refused. First the
    /// least; then with the mode, which AMI and others insist on. `name` is the target as this BMC spells it, `mode` the
    /// mode that is in force.
    fn boot_override_bodies(&self, wanted: &BootOverride, name: &str, mode: Option<&str>) -> Vec<Value> {
        let enabled = match wanted.enabled {
            OverrideEnabled::Once => "Once",
            OverrideEnabled::Continuous => "Continuous",
            OverrideEnabled::Disabled => "Disabled",
        };
        let mut least = json!({"BootSourceOverrideTarget": name, "BootSourceOverrideEnabled": enabled});
        if let (Some(uri), Value::Object(map)) = (&wanted.http_uri, &mut least) {
            map.insert("HttpBootUri".to_owned(), uri.as_str().into());
        }
        let with_mode = |mode: &str| {
            let mut body = least.clone();
            if let Value::Object(map) = &mut body {
                map.insert("BootSourceOverrideMode".to_owned(), mode.into());
            }
            json!({"Boot": body})
        };
        match wanted.mode {
            Some(rackhand_bmc::BootMode::Uefi) => vec![with_mode("UEFI")],
            Some(rackhand_bmc::BootMode::Legacy) => vec![with_mode("Legacy")],
            None => vec![json!({"Boot": least}), with_mode(mode.unwrap_or("UEFI"))],
        }
    }

    /// The BIOS settings that tell firmware what a UEFI HTTP boot is to fetch; none where the override's own `HttpBootUri`
    /// does.
    fn http_boot_settings(&self, machine: &Machine, url: &str) -> Attributes {
        let _ = (machine, url);
        Attributes::new()
    }

    // ---- virtual media -------------------------------------------------------------------------------------------

    /// Where slots are looked for, in order. The search ends at the first place that has one for an ISO.
    fn media_places(&self, machine: &Machine) -> Vec<MediaPlace> {
        let _ = machine;
        vec![MediaPlace::System, MediaPlace::Manager]
    }

    /// Which slot comes first: the least number. By default those that take an ISO by URL, then the rest.
    fn slot_preference(&self, machine: &Machine, slot: &MediaSlot) -> u32 {
        let _ = machine;
        match (slot.can_insert, slot.is_optical()) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => 2,
        }
    }

    /// Whether an image can be inserted into a slot by URL: by default when the slot advertises the action.
    fn can_insert(&self, machine: &Machine, slot: &Document) -> bool {
        let _ = machine;
        slot.action("VirtualMedia.InsertMedia").and_then(|action| action.str("target")).is_some()
    }

    /// Whether an insert into a slot that holds something is known to be refused, so that nothing is lost by inserting
    /// into a remembered slot without looking.
    fn refuses_when_full(&self, machine: &Machine) -> bool {
        let _ = machine;
        false
    }

    /// Whether the text in `Image` stands for no image.
    fn is_empty_image(&self, image: &str) -> bool {
        image.is_empty() || image.eq_ignore_ascii_case("null") || image.eq_ignore_ascii_case("none")
    }

    /// Whether something is in a slot, as far as its `Inserted` can be believed (Dell leaves it true after an eject).
    fn inserted(&self, slot: &Document) -> Option<bool> {
        slot.bool("Inserted")
    }

    /// Whether a slot still shows what was ejected from it.
    fn shows_ejected(&self, slot: &Document) -> bool {
        let _ = slot;
        false
    }

    /// Whether a slot that was seen without an action may show it now, so that it is looked at again.
    fn slot_actions_change(&self) -> bool {
        true
    }

    /// What the BMC says is wrong with a slot or its last mapping.
    fn slot_problem(&self, slot: &Document) -> Option<String> {
        let ill = slot.str("Status/Health").is_some_and(|health| !health.eq_ignore_ascii_case("OK"));
        let said = slot.str("Status/Conditions/0/Message").filter(|_| ill);
        said.map(str::to_owned)
    }

    /// The bodies to try for an insert, in order; the next only when the one before was refused as incomplete or wrong.
    /// First the least; then what one service or another insists on.
    fn insert_bodies(&self, machine: &Machine, image: &MediaImage) -> Vec<Value> {
        let _ = machine;
        insert_ladder(image)
    }

    // ---- BIOS ----------------------------------------------------------------------------------------------------

    /// Where wanted BIOS settings are written: the settings object, or `None` for the BIOS resource itself.
    fn bios_settings_uri(&self, bios: &Document) -> Option<String> {
        bios.link("@Redfish.Settings/SettingsObject").map(str::to_owned)
    }

    /// What of `settings` waits for a reset; `None` when it does not tell. Some services show only what is staged (Dell),
    /// others a full set (HPE, Lenovo): what differs is what waits.
    fn bios_pending(&self, current: &Attributes, settings: &Document) -> Option<Attributes> {
        let mut staged = super::bios::attributes(settings);
        staged.retain(|name, value| !current.get(name).is_some_and(|now| now.same_as(value)));
        Some(staged)
    }

    /// Corrects the attribute registry before it is read.
    fn bios_registry(&self, registry: Document) -> Document {
        registry
    }

    /// What this firmware calls the attribute that is wanted: several where one setting is several attributes. The wanted
    /// name itself where nothing else is known.
    fn bios_names(&self, wanted: &str, current: &Attributes, registry: Option<&Registry>) -> Vec<String> {
        let _ = (current, registry);
        vec![wanted.to_owned()]
    }

    /// The bodies to try for staging, in order; the next only when the one before was refused as a whole.
    fn bios_bodies(&self, bios: &Document, attributes: &Attributes) -> Vec<Value> {
        let mut body = Map::new();
        body.insert("Attributes".to_owned(), json!(attributes));
        // Sent only where it is said to be understood: some services answer 400 to it.
        if bios.strings("@Redfish.Settings/SupportedApplyTimes").contains(&"OnReset") {
            body.insert("@Redfish.SettingsApplyTime".to_owned(), json!({"ApplyTime": "OnReset"}));
        }
        vec![Value::Object(body)]
    }

    /// What must follow a staged write so that the next reset takes it (older iDRAC: a job of its own). Not called when
    /// the write's answer was lost.
    fn bios_stage_extra<'a>(
        &'a self,
        host: &'a Host,
        settings: &'a str,
        staged: Outcome,
    ) -> Fut<'a, Outcome> {
        let _ = (host, settings);
        Box::pin(async move { Ok(staged) })
    }

    /// Whether what is pending can be dropped by writing the current values over it.
    fn bios_can_restage(&self) -> bool {
        true
    }

    /// What wanted values come to where firmware cannot have them side by side as they are asked for, and why: the settings
    /// that are staged and verified in their place. `None` takes them as they are.
    fn bios_meant(
        &self,
        desired: &Attributes,
        current: &Attributes,
        registry: Option<&Registry>,
    ) -> Option<(Attributes, String)> {
        let _ = (desired, current, registry);
        None
    }

    /// Orders wanted values into stages, each needing a boot. `differing` are those of `desired` that are not in force,
    /// checked and typed already. One stage by default.
    fn bios_split_stages(
        &self,
        desired: &Attributes,
        differing: &Attributes,
        current: &Attributes,
        registry: Option<&Registry>,
    ) -> Vec<BiosStage> {
        let _ = (desired, current, registry);
        let count = differing.len();
        let reason =
            if count == 1 { "1 setting differs".to_owned() } else { format!("{count} settings differ") };
        vec![BiosStage { attributes: differing.clone(), reason }]
    }

    /// A vendor's own judgement of one attribute that is not in force; `None` leaves it to the standard one.
    fn bios_verdict(&self, evidence: &BiosEvidence<'_>, attribute: &str) -> Option<AttributeVerdict> {
        let _ = (evidence, attribute);
        None
    }

    // ---- storage -------------------------------------------------------------------------------------------------

    /// A vendor's word on what a drive that is in no volume is used for; `None` where it says nothing.
    fn drive_state(&self, drive: &Document) -> Option<DriveState> {
        let _ = drive;
        None
    }

    // ---- manager and jobs ----------------------------------------------------------------------------------------

    /// A vendor's own way to learn whether something is ready; `None` leaves it to the standard one.
    fn readiness<'a>(&'a self, host: &'a Host, what: Readiness) -> Option<Fut<'a, ReadyState>> {
        let _ = (host, what);
        None
    }

    /// The collection of jobs, where it is not the TaskService's.
    fn jobs_uri(&self, machine: &Machine) -> Option<String> {
        let _ = machine;
        None
    }

    /// Where a job is, as this vendor writes it; `None` leaves it to the standard names.
    fn job_state(&self, job: &Document) -> Option<JobState> {
        let _ = job;
        None
    }

    /// Whether an error to a mutation says that the state wanted is there already; decided by a read-back.
    fn is_already(&self, error: &Error) -> bool {
        let _ = error;
        false
    }
}

/// The steps of InsertMedia: the least, then with what services are known to insist on.
#[must_use]
pub fn insert_ladder(image: &MediaImage) -> Vec<Value> {
    let mut body = Map::new();
    body.insert("Image".to_owned(), image.url.clone().into());
    if let Some(credentials) = &image.credentials {
        use secrecy::ExposeSecret;
        body.insert("UserName".to_owned(), credentials.username.clone().into());
        body.insert("Password".to_owned(), credentials.password.expose_secret().into());
    }
    let mut bodies = vec![Value::Object(body.clone())];
    let mut step = |pairs: &[(&str, Value)]| {
        body.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        bodies.push(Value::Object(body.clone()));
    };
    step(&[("Inserted", true.into()), ("WriteProtected", true.into())]);
    let scheme = image.url.split_once("://").map(|(scheme, _)| scheme.to_ascii_uppercase());
    if let Some(scheme) = scheme {
        step(&[("TransferProtocolType", scheme.into())]);
    }
    step(&[("TransferMethod", "Stream".into())]);
    bodies
}

/// The dialect of every service that is no vendor's: all defaults.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Dialect for Plain {}
