"""sushy, the Redfish client of OpenStack Ironic, drives our simulator: one personality, over HTTPS, with credentials."""

import argparse
import pathlib

import sushy

import peer

PASSWORD = "a-peers-password"

# An attribute of each registry, and a value that differs from its default.
BIOS = {
    "sushy": ("ProcTurboMode", "Disabled"),
    "idrac9": ("LogicalProc", "Disabled"),
    "ilo5": ("Sriov", None),
    "ilo6": ("Sriov", None),
    "cimc": ("IntelVTD", None),
}


def other(value):
    """The other of two values that an attribute takes."""
    return {"Enabled": "Disabled", "Disabled": "Enabled", "enabled": "disabled", "disabled": "enabled"}[value]


def power_is(system, wanted):
    system.refresh(force=True)
    return system.power_state == wanted


def switch(system, reset, wanted):
    if not power_is(system, wanted):
        system.reset_system(reset)
    peer.until(f"power {wanted}", lambda: power_is(system, wanted))


def optical(resource):
    """A slot that takes an ISO; asked of the System first, as Ironic does."""
    for slot in resource.virtual_media.get_members():
        if {sushy.VIRTUAL_MEDIA_CD, sushy.VIRTUAL_MEDIA_DVD} & set(slot.media_types):
            return slot
    raise AssertionError("no slot takes a CD")


def slot_of(system, manager):
    try:
        return optical(system)
    except (sushy.exceptions.SushyError, AssertionError):
        return optical(manager)


def slot_holds(slot, url):
    slot.refresh(force=True)
    return slot.inserted and slot.image == url if url else not slot.inserted


def set_bios(personality, system, name, wanted):
    if personality == "cimc":
        # A CIMC has no settings resource, without which sushy's own call sets nothing: its connector writes directly.
        system._conn.patch(system.bios.path, data={"Attributes": {name: wanted}})
    elif personality == "idrac9":
        system.bios.set_attribute(name, wanted, apply_time=sushy.APPLY_TIME_ON_RESET)
    else:
        system.bios.set_attribute(name, wanted)


def drive(report, personality, client, image_url):
    with report.trying("identify") as say:
        system = client.get_system(client.get_system_collection().members_identities[0])
        assert system.uuid and system.manufacturer, "a System without uuid or manufacturer"
        manager = system.managers[0]
        assert manager.firmware_version, "a Manager without a firmware version"
        say(f"{system.manufacturer} {system.model} {system.serial_number}, {manager.firmware_version}")

    with report.trying("power on and off") as say:
        assert power_is(system, sushy.PowerState.OFF), f"it begins {system.power_state}"
        switch(system, sushy.ResetType.ON, sushy.PowerState.ON)
        switch(system, sushy.ResetType.FORCE_OFF, sushy.PowerState.OFF)
        say("Off, On, Off")

    with report.trying("boot the CD once") as say:
        system.set_system_boot_options(
            target=sushy.BOOT_SOURCE_TARGET_CD, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE
        )
        system.refresh(force=True)
        seen = (system.boot["target"], system.boot["enabled"])
        # sushy-tools shows every override as Continuous, and so does the personality of that name.
        lasts = {sushy.BOOT_SOURCE_ENABLED_ONCE}
        if personality == "sushy":
            lasts.add(sushy.BOOT_SOURCE_ENABLED_CONTINUOUS)
        assert seen[0] == sushy.BOOT_SOURCE_TARGET_CD and seen[1] in lasts, f"it shows {seen}"
        say(f"{seen[0].value}, {seen[1].value}")

    with report.trying("insert and eject media") as say:
        slot = slot_of(system, manager)
        slot.insert_media(image_url, inserted=True, write_protected=True)
        peer.until("the image", lambda: slot_holds(slot, image_url))
        slot.eject_media()
        peer.until("an empty slot", lambda: slot_holds(slot, None))
        say(f"{slot.name}, {slot.path}")

    with report.trying("read and set BIOS attributes") as say:
        name, wanted = BIOS[personality]
        before = system.bios.attributes[name]
        wanted = wanted or other(before)
        assert before != wanted, f"{name} is {before} already"
        set_bios(personality, system, name, wanted)
        switch(system, sushy.ResetType.ON, sushy.PowerState.ON)

        def applied():
            system.bios.refresh(force=True)
            return system.bios.attributes[name] == wanted

        peer.until(f"{name}={wanted}", applied, seconds=60)
        say(f"{name}: {before}, then {wanted} after the reset, of {len(system.bios.attributes)} attributes")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulator", required=True)
    parser.add_argument("--personality", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    args = parser.parse_args()
    peer.end_on_sigterm()
    report = peer.Report(args.personality)

    password, ca = args.work / "password", args.work / "ca.pem"
    password.write_text(PASSWORD)
    port = peer.free_port()
    command = [args.simulator, "--personality", args.personality, "-p", str(port), "--time-scale", "100"]
    command += ["--username", "admin", "--password-file", str(password), "--ca-file", str(ca)]
    command += ["--log", str(args.work / "simulator.jsonl")]
    log = args.work / "simulator.log"
    image = bytes(2048 * 64)
    with peer.running(command, log) as process, peer.serving(image) as image_url:
        peer.until("the simulator", lambda: "ready" in log.read_text(), process=process)
        client = sushy.Sushy(f"https://127.0.0.1:{port}", username="admin", password=PASSWORD, verify=str(ca))
        drive(report, args.personality, client, image_url)
    report.exit()


if __name__ == "__main__":
    main()
