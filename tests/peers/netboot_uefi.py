"""`rackhand apply` installs a UEFI machine on a network whose DHCP server knows nothing of booting: OVMF's own PXE client hears
that server's address and, from `--proxy-dhcp`, what to load; iPXE comes by TFTP, the rest by HTTP.

Everything runs in a network of its own: a bridge with us, the machine and another machine on it, and the site's DHCP server one
namespace on.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import ipmi_machine
import peer
import small_linux

MAC, STRANGER = "52:54:00:12:34:05", "52:54:00:12:34:06"
US, HTTP = "192.0.2.9", 8080
IPXE = Path("/usr/lib/ipxe/ipxe.efi")
NETWORK = f"""
set -e
ip link set lo up
ip link add br0 type bridge
ip addr add {US}/24 dev br0
ip tuntap add dev machine mode tap
ip tuntap add dev stranger mode tap
ip link add site type veth peer name site-port
for port in machine stranger site-port; do ip link set $port master br0 up; done
ip link set br0 up
"""


@contextlib.contextmanager
def site_dhcp(work):
    """The site's DHCP server: it gives addresses and says nothing of booting."""
    log = work / "dnsmasq.log"
    script = f"""
until ip link show site > /dev/null 2>&1; do sleep 0.1; done
ip addr add 192.0.2.1/24 dev site
ip link set site up
exec dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root --interface=site --log-dhcp \
  --dhcp-leasefile={work}/leases --dhcp-range=192.0.2.100,192.0.2.150,1h
"""
    with peer.running(["unshare", "-n", "sh", "-c", script], log) as process:
        here = os.readlink("/proc/self/ns/net")
        peer.until("its namespace", lambda: os.readlink(f"/proc/{process.pid}/ns/net") != here, process=process)
        small_linux.run("ip", "link", "set", "site", "netns", str(process.pid))
        peer.until("dnsmasq", lambda: "DHCP, IP range" in log.read_text(errors="replace"), process=process)
        yield log


def apply(args, work, *more):
    command = [args.rackhand, "apply", "-f", str(work / "site.yaml"), "--state-dir", str(work / "state"),
               "--media-listen", f"0.0.0.0:{HTTP}", "--netboot-url", f"http://{US}:{HTTP}", "--tftp-listen", f"{US}:69",
               "--netboot-loaders", str(work / "loaders"), "--proxy-dhcp", "br0", "--events", str(work / "events.jsonl"),
               "--pace", "0.5", "-v", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=400)


def inside(args):
    work = Path(args.work)
    report = peer.Report("rackhand, OVMF and dnsmasq")
    small_linux.run("sh", "-c", NETWORK)
    iso = work / "installer.iso"
    iso.symlink_to(small_linux.installer(args.cache))
    (work / "loaders").mkdir()
    shutil.copy(IPXE, work / "loaders")
    machine, stranger = (
        ipmi_machine.Machine(work / name, mac, f"tap,ifname={name},script=no,downscript=no", uefi=True)
        for name, mac in (("machine", MAC), ("stranger", STRANGER)))
    (work / "site.yaml").write_text(
        ipmi_machine.secret("edge") + "---\n" + ipmi_machine.host(machine, "edge", "node1", mode="UEFI"))
    with site_dhcp(work) as dhcp, machine.bmc():
        with report.trying("installs it"), stranger.on_its_own():
            done = apply(args, work, "--iso", str(iso))
            (work / "apply.log").write_text(done.stdout + done.stderr)
            assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}\n{machine.console()[-2000:]}"
            assert "Installed" in done.stdout, done.stdout
        with report.trying("its firmware is led to iPXE, and iPXE to its script, beside a DHCP server that says neither"):
            said = done.stderr
            assert 'told what to boot' in said and 'arch=UEFI x86-64 file="ipxe.efi"' in said, said
            assert f'file="http://{US}:{HTTP}/boot.ipxe"' in said, said
            assert "NBP filename is ipxe.efi" in machine.console(), machine.console()[-3000:]
            leases = dhcp.read_text(errors="replace")
            assert "DHCPACK(site) 192.0.2." in leases and "bootfile name" not in leases, leases[-3000:]
        with report.trying("boots to its call-back once, and from its own disk after that") as say:
            console = machine.console()
            for line in ("calls back: Rebooting", "installed system runs", "small-linux: done"):
                assert line in console, f"{line!r} is not on the console\n{console[-3000:]}"
            assert console.count("small-linux: installer booted") == 1, console[-3000:]
            say("OVMF, iPXE, Linux; GRUB from the disk")
        with report.trying("another machine that boots from the network meanwhile is led nowhere"):
            assert "Start PXE over IPv4" in stranger.console(), stranger.console()
            assert "NBP filename" not in stranger.console(), stranger.console()
            heard = [line for line in done.stderr.splitlines() if STRANGER in line]
            assert heard and all("not answered: no boot of this machine" in line for line in heard), done.stderr
    report.exit()


def main():
    parser = argparse.ArgumentParser()
    for name in ("rackhand", "cache", "work"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    peer.end_on_sigterm()
    if args.inside:
        inside(args)
    tried = subprocess.run(["unshare", "-n", "sh", "-c", NETWORK], capture_output=True, text=True)
    if tried.returncode != 0:
        print(f"no network with a machine on it can be made here: {tried.stderr.strip()}")
        sys.exit(3)
    os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv, "--inside"])


main()
