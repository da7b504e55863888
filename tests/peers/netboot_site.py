"""One site, one `apply`, four nodes, four ways: an iDRAC by virtual media, an iLO by UEFI HTTP, sushy-tools' kind of BMC by
PXE, and a machine with IPMI alone, which is a real one as far as QEMU goes."""

import argparse
import json
import os
import re
import socket
import subprocess
from pathlib import Path

import ipmi_machine
import peer
import small_linux

NODES = ("node1", "node2", "node3", "node4")
SCHEMES = {"node2": "redfish-uefihttp", "node3": "redfish"}


def fourth(machine, iso):
    """The machine as a node of the SiteConfig. Its address is where QEMU's own DHCP puts it."""
    return f"""    - hostName: node4
      role: master
      bmcAddress: ipmi://127.0.0.1:{machine.port}
      bmcCredentialsName:
        name: bmc-node4
      bootMACAddress: "{machine.mac}"
      bootMode: legacy
      crAnnotations:
        add:
          BareMetalHost:
            rackhand.dev/iso: {iso}
            rackhand.dev/follow: callback
      nodeNetwork:
        interfaces:
        - name: eno1
          macAddress: "{machine.mac}"
        config:
          interfaces:
          - name: eno1
            type: ethernet
            state: up
            ipv4:
              enabled: true
              dhcp: false
              address:
              - ip: 10.0.2.15
                prefix-length: 24
          routes:
            config:
            - destination: 0.0.0.0/0
              next-hop-address: 10.0.2.2
              next-hop-interface: eno1
"""


def write_site(site, machine, iso):
    """The simulator's site of three with another address for two of them, and the fourth."""
    path = site / "edge-1.yaml"
    text, node = [], None
    for line in path.read_text().splitlines(keepends=True):
        named = re.match(r"\s*- hostName: (\S+)", line)
        node = named.group(1) if named else node
        if "bmcAddress:" in line and node in SCHEMES:
            line = re.sub(r"bmcAddress: [a-z-]+://", f"bmcAddress: {SCHEMES[node]}://", line)
        text.append(line)
    path.write_text("".join(text).rstrip("\n") + "\n" + fourth(machine, iso))
    secrets = site / "edge-1-secrets.yaml"
    secrets.write_text(secrets.read_text().rstrip("\n") + "\n---\n" + ipmi_machine.secret("edge-1", "bmc-node4"))


def main():
    parser = argparse.ArgumentParser()
    for name in ("rackhand", "simulator", "cache", "work"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    peer.end_on_sigterm()
    work = Path(args.work)
    site = work / "site"
    report = peer.Report("one site, four ways")
    http, tftp, bmc = peer.free_port(), peer.free_port(kind=socket.SOCK_DGRAM), peer.free_port()
    iso = small_linux.installer(args.cache)
    loaders = work / "loaders"
    loaders.mkdir()
    (loaders / "ipxe.efi").write_bytes(b"MZ stands for a loader, as the simulated firmware takes it\n" * 4000)
    machine = ipmi_machine.Machine(work / "machine", "52:54:00:12:34:04", ipmi_machine.USER_NETWORK,
                                   f"tftp://10.0.2.2:{tftp}/boot.ipxe")
    (work / "config.yaml").write_text(
        f"mediaUrls:\n  127.0.0.0/8: http://127.0.0.1:{http}\n  10.16.1.0/24: http://127.0.0.1:{http}\n"
        f"  10.0.2.0/24: http://10.0.2.2:{http}\n")
    simulator = [args.simulator, "--fleet", "3", "--personality", "idrac9,ilo6,sushy", "-p", str(bmc), "--time-scale", "20",
                 "--write-site", str(site), "--log", str(work / "simulator.jsonl"),
                 "--network-boot-tftp", f"127.0.0.1:{tftp}", "--network-boot-file", "ipxe.efi",
                 "--network-boot-script", f"http://127.0.0.1:{http}/boot.ipxe"]
    with peer.running(simulator, work / "simulator.log") as process, machine.bmc():
        peer.until("the simulator being ready", lambda: "ready" in (work / "simulator.log").read_text(), process=process)
        write_site(site, machine, iso)
        common = ["-f", str(site), "--config", str(work / "config.yaml"), "--state-dir", str(work / "state"), "--pace", "0.1"]
        with report.trying("plan says of each node which way it goes, and why"):
            planned = subprocess.run([args.rackhand, "plan", *common], capture_output=True, text=True, timeout=120)
            (work / "plan.log").write_text(planned.stdout + planned.stderr)
            text = " ".join(planned.stdout.split())
            for reason in ("boot the virtual CD once (idrac-virtualmedia:// in the BMC's address)",
                           "fetch the image over HTTP, once (redfish-uefihttp:// in the BMC's address)",
                           "boot from the network once (redfish:// in the BMC's address)",
                           "boot from the network once (ipmi:// in the BMC's address)"):
                assert reason in text, f"{reason!r} is not in the plan\n{planned.stdout}{planned.stderr}"
        with report.trying("one apply installs all four") as say:
            done = subprocess.run(
                [args.rackhand, "apply", *common, "--media-listen", f"0.0.0.0:{http}", "--netboot-url",
                 f"http://10.0.2.2:{http}", "--tftp-listen", f"127.0.0.1:{tftp}", "--netboot-loaders", str(loaders),
                 "--events", str(work / "events.jsonl")], capture_output=True, text=True, timeout=420, env=dict(os.environ))
            (work / "apply.log").write_text(done.stdout + done.stderr)
            installed = re.findall(r"^edge-1/(node\d)\s+Installed", done.stdout, re.MULTILINE)
            assert done.returncode == 0 and sorted(installed) == list(NODES), f"exit {done.returncode}\n{done.stdout}{done.stderr}"
            say(", ".join(sorted(installed)))
        with report.trying("each went its own way"):
            events = [json.loads(line) for line in (work / "events.jsonl").read_text().splitlines()]
            acts = {node: [one["event"]["act"]["act"] for one in events
                           if one.get("node") == f"edge-1/{node}" and one["event"]["type"] == "intent"] for node in NODES}
            for node, act in (("node1", "bootCdOnce"), ("node2", "bootHttpOnce"), ("node3", "bootPxeOnce"), ("node4", "bootPxeOnce")):
                assert acts[node].count(act) == 1, f"{node}: {acts[node]}"
            assert all("insert" not in acts[node] for node in NODES[1:]), acts
            log = (work / "simulator.jsonl").read_text()
            assert '"http-boot"' in log and '"tftp"' in log and "installed system runs" in machine.console()
        with report.trying("a second apply changes nothing"):
            before = (work / "events.jsonl").read_text().count('"intent"')
            again = subprocess.run([args.rackhand, "apply", *common, "--media-listen", f"0.0.0.0:{http}",
                                    "--events", str(work / "events.jsonl")], capture_output=True, text=True, timeout=120)
            assert again.returncode == 0, again.stdout + again.stderr
            assert (work / "events.jsonl").read_text().count('"intent"') == before
    report.exit()


main()
