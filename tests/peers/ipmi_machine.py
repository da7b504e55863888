"""A QEMU machine whose BMC is OpenIPMI's ipmi_sim: a server without Redfish, for the cases that boot one."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import peer

USER, PASSWORD = "admin", "opensesame"
HERE = Path(__file__).parent
# Where Debian has it.
OVMF = Path("/usr/share/OVMF")
# QEMU's own network, which forwards nothing to the machine.
USER_NETWORK = "user,net=10.0.2.0/24,host=10.0.2.2"


class Machine:
    """The BMC listens on loopback; `network` is how QEMU connects the machine, and `bootfile` what QEMU's own DHCP tells it."""

    def __init__(self, work, mac, network, bootfile=None, uefi=False):
        self.work = Path(work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.mac = mac
        self.port = peer.free_port(kind=socket.SOCK_DGRAM)
        self.serial = self.work / "serial.log"
        self.disk = self.work / "disk.img"
        with open(self.disk, "wb") as file:
            file.truncate(256 << 20)
        if bootfile:
            network += f",bootfile={bootfile}"
        command = [
            "qemu-system-x86_64", "-cpu", "max", "-m", "768", "-display", "none", "-serial", f"file:{self.serial}",
            "-netdev", f"{network},id=net",
        ]
        machine = self.uefi() if uefi else self.bios()
        machine["command"] = command + machine["command"]
        (self.work / "machine.json").write_text(json.dumps(machine))
        chassis = self.work / "chassis"
        if not chassis.exists():
            chassis.symlink_to(HERE.absolute() / "qemu_chassis.py")
        levels = "".join(f"    allowed_auths_{level} none md2 md5 straight\n"
                         for level in ("callback", "user", "operator", "admin"))
        (self.work / "lan.conf").write_text(
            f'name "rack-1"\nset_working_mc 0x20\n  startlan 1\n    addr 127.0.0.1 {self.port}\n    priv_limit admin\n'
            f"{levels}    guid 00112233445546778899aabbccddeeff\n  endlan\n"
            f'  chassis_control "{chassis} 0x20"\n  user 2 true "{USER}" "{PASSWORD}" admin 10 none md2 md5 straight\n')
        (self.work / "sim.emu").write_text(
            "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n"
            "sel_enable 0x20 1000 0x0a\nmc_enable 0x20\n")
        (self.work / "state").mkdir(exist_ok=True)

    def drive(self, interface):
        return ["-drive", f"file={self.disk},if={interface},id=disk,format=raw,cache=unsafe"]

    def bios(self):
        """SeaBIOS with iPXE's ROM, which goes on booting what it booted first."""
        network = ["-device", f"virtio-net-pci,netdev=net,mac={self.mac}"]
        return {"command": ["-machine", "pc,accel=tcg", *network, *self.drive("virtio")],
                "pxe": ["-boot", "order=nc"], "disk": ["-boot", "order=c"], "after": None}

    def uefi(self):
        """OVMF without a ROM on the network card: its own PXE client asks. It takes its order from the devices."""
        variables = self.work / "variables.fd"
        shutil.copy(OVMF / "OVMF_VARS_4M.fd", variables)
        flash = ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF / 'OVMF_CODE_4M.fd'}",
                 "-drive", f"if=pflash,unit=1,format=raw,file={variables}"]

        def devices(network):
            return ["-device", f"virtio-net-pci,id=nic,netdev=net,mac={self.mac},romfile=,bootindex={network}",
                    "-device", "virtio-blk-pci,drive=disk,bootindex=2"]

        last = {"path": "/machine/peripheral/nic", "property": "bootindex", "value": 3}
        return {"command": ["-machine", "q35,accel=tcg", "-device", "virtio-rng-pci", *flash, *self.drive("none")],
                "pxe": devices(1), "disk": devices(3), "after": {"execute": "qom-set", "arguments": last}}

    @contextlib.contextmanager
    def bmc(self):
        """The BMC runs within the block, and its machine ends with it."""
        command = ["ipmi_sim", "-n", "-c", str(self.work / "lan.conf"), "-f", str(self.work / "sim.emu"),
                   "-s", str(self.work / "state")]
        try:
            with peer.running(command, self.work / "ipmi_sim.log") as process:
                peer.until("ipmi_sim answering", self.answers, process=process)
                yield self
        finally:
            with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
                os.kill(int((self.work / "qemu.pid").read_text()), signal.SIGKILL)

    @contextlib.contextmanager
    def on_its_own(self):
        """The machine runs within the block, from its network, and nobody has switched it on."""
        machine = json.loads((self.work / "machine.json").read_text())
        with peer.running(machine["command"] + machine["pxe"], self.work / "qemu.log") as process:
            yield process

    def answers(self):
        ping = bytes([6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x80, 1, 0, 0])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            probe.sendto(ping, ("127.0.0.1", self.port))
            try:
                return bool(probe.recv(64))
            except OSError:
                return False

    def ipmitool(self, *arguments):
        command = ["ipmitool", "-I", "lanplus", "-C", "3", "-H", "127.0.0.1", "-p", str(self.port), "-U", USER, "-P",
                   PASSWORD, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def console(self):
        return self.serial.read_text(errors="replace") if self.serial.exists() else ""

    def chassis_log(self):
        log = self.work / "chassis.log"
        return log.read_text(errors="replace") if log.exists() else ""


def secret(namespace, name="bmc"):
    """The credentials of the BMC, as they stand in a site."""
    return (f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {namespace}\nstringData:\n"
            f"  username: {USER}\n  password: {PASSWORD}\n")


def host(machine, namespace, name, mode="legacy"):
    """A BareMetalHost for the machine: an IPMI address and nothing else."""
    return (f"apiVersion: metal3.io/v1alpha1\nkind: BareMetalHost\nmetadata:\n  name: {name}\n  namespace: {namespace}\n"
            "  annotations:\n    rackhand.dev/follow: callback\n"
            f"spec:\n  bootMACAddress: {machine.mac}\n  bootMode: {mode}\n  bmc:\n"
            f"    address: ipmi://127.0.0.1:{machine.port}\n    credentialsName: bmc\n")
