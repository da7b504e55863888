"""`rackhand apply` installs a QEMU machine that has no Redfish: IPMI for its power and boot device, iPXE's own ROM, our
TFTP and HTTP, a real kernel, a real disk, and call-backs from the installer and from what it installed."""

import argparse
import json
import socket
import subprocess
from pathlib import Path

import ipmi_machine
import peer
import small_linux

MAC = "52:54:00:12:34:01"


def apply(args, work, ports, *more):
    command = [args.rackhand, "apply", "-f", str(work / "site.yaml"), "--state-dir", str(work / "state"),
               "--media-listen", f"127.0.0.1:{ports['http']}",
               "--netboot-url", f"http://10.0.2.2:{ports['http']}", "--tftp-listen", f"127.0.0.1:{ports['tftp']}",
               "--events", str(work / "events.jsonl"), "--pace", "0.2", "-v", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def script(work, iso):
    """An iPXE script with its files beside it, as boot artifacts are."""
    place = work / "artifacts"
    place.mkdir()
    small_linux.run("xorriso", "-osirrox", "on", "-indev", str(iso), "-extract", "/boot/vmlinuz", str(place / "kernel"),
                    "-extract", "/boot/initrd.img", str(place / "initrd"))
    (place / "boot.ipxe").write_text("#!ipxe\ninitrd --name initrd initrd\n"
                                     "kernel kernel initrd=initrd console=ttyS0 panic=5 quiet from=script || goto failed\nboot\n")
    return place / "boot.ipxe"


def events(work):
    return [json.loads(line) for line in (work / "events.jsonl").read_text().splitlines()]


def main():
    parser = argparse.ArgumentParser()
    for name in ("rackhand", "cache", "work"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    peer.end_on_sigterm()
    work = Path(args.work)
    report = peer.Report("rackhand, ipmi_sim and QEMU")
    iso = work / "installer.iso"
    iso.symlink_to(small_linux.installer(args.cache))
    ports = {"http": peer.free_port(), "tftp": peer.free_port(kind=socket.SOCK_DGRAM)}
    machine = ipmi_machine.Machine(work / "machine", MAC, ipmi_machine.USER_NETWORK,
                                   f"tftp://10.0.2.2:{ports['tftp']}/boot.ipxe")
    (work / "site.yaml").write_text(
        ipmi_machine.secret("edge") + "---\n" + ipmi_machine.host(machine, "edge", "node1"))
    with machine.bmc():
        with report.trying("the plan names the way and its reason") as say:
            planned = subprocess.run([args.rackhand, "plan", "-f", str(work / "site.yaml"), "--state-dir", str(work / "state")],
                                     capture_output=True, text=True, timeout=60)
            assert "boot from the network once (ipmi:// in the BMC's address)" in " ".join(planned.stdout.split()), planned
            say("boot from the network once")
        with report.trying("installs it"):
            done = apply(args, work, ports, "--iso", str(iso))
            (work / "apply.log").write_text(done.stdout + done.stderr)
            assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}\n{machine.console()[-2000:]}"
            assert "Installed" in done.stdout, done.stdout
        with report.trying("boots from TFTP and HTTP to its call-back, writes its disk, and runs from it") as say:
            console = machine.console()
            for line in ("installer booted with:", "calls back: Rebooting", "installed system runs", "small-linux: done"):
                assert line in console, f"{line!r} is not on the console"
            say(f"{console.count('small-linux: installer booted')} boot of the installer")
            assert console.count("small-linux: installer booted") == 1
        with report.trying("is told to install once, and to boot its disk when it asks again"):
            text = json.dumps(events(work))
            assert text.count('"toldToInstall"') == 1, text
            log = (work / "apply.log").read_text()
            assert "was told to boot its disk" in log, log[-3000:]
        with report.trying("sets the boot device by IPMI, once"):
            log = machine.chassis_log()
            assert log.count("set boot pxe") == 1 and log.count("set power 1") == 1, log
            assert "Chassis Power is on" in machine.ipmitool("chassis", "power", "status")
        with report.trying("leaves it alone when it is applied again"):
            before = machine.chassis_log()
            again = apply(args, work, ports, "--iso", str(iso))
            assert again.returncode == 0 and machine.chassis_log() == before, again.stdout + again.stderr
        with report.trying("ipmitool reads back what rackhand sets"):
            env = {"RACKHAND_BMC_USER": ipmi_machine.USER, "RACKHAND_BMC_PASSWORD": ipmi_machine.PASSWORD,
                   "PATH": "/usr/bin:/bin"}
            base = [args.rackhand, "bmc", f"ipmi://127.0.0.1:{machine.port}"]
            more = ["--state-dir", str(work / "state")]
            for command in (["boot", "once", "Pxe"], ["power", "off", "--force"]):
                ran = subprocess.run(base + command + more, env=env, capture_output=True, text=True, timeout=60)
                assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
            assert "Force PXE" in machine.ipmitool("chassis", "bootparam", "get", "5")
            assert "Chassis Power is off" in machine.ipmitool("chassis", "power", "status")
        with report.trying("installs it again, by its request id, from what an iPXE script names"):
            more = f"  annotations:\n    rackhand.dev/ipxe-script: {script(work, iso)}\n    rackhand.dev/request-id: two\n"
            host = ipmi_machine.host(machine, "edge", "node1").replace("  annotations:\n", more)
            (work / "site.yaml").write_text(ipmi_machine.secret("edge") + "---\n" + host)
            done = apply(args, work, ports)
            assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}\n{machine.console()[-2000:]}"
            console = machine.console()
            assert " from=script " in console and "small-linux: done" in console, console[-3000:]
    report.exit()


main()
