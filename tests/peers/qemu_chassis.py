#!/usr/bin/env python3
"""The chassis of an ipmi_sim: its power button, its reset and its boot device are those of a QEMU machine.

ipmi_sim calls it as `PROGRAM CHANNEL get NAME...` and as `PROGRAM CHANNEL set NAME VALUE...`. What the machine is made of
stands in a JSON file beside this program's link.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

PLACE = Path(sys.argv[0]).absolute().parent
BOOT = PLACE / "boot"
PIDFILE = PLACE / "qemu.pid"
QMP = PLACE / "qmp"
LOG = PLACE / "chassis.log"


def pid():
    """The machine's process, while it runs."""
    try:
        number = int(PIDFILE.read_text())
        os.kill(number, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    return number


def boot():
    return BOOT.read_text() if BOOT.exists() else "none"


def power_on():
    if pid():
        return
    machine = json.loads((PLACE / "machine.json").read_text())
    once = boot()
    BOOT.unlink(missing_ok=True)
    # What firmware tries first.
    order = machine["pxe" if once == "pxe" else "disk"]
    # Nothing of ipmi_sim's is inherited: it waits for the end of what this program prints.
    subprocess.run(machine["command"] + order + ["-daemonize", "-pidfile", str(PIDFILE),
                                         "-qmp", f"unix:{QMP},server=on,wait=off"],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(LOG, "ab"),
                   close_fds=True)
    if once == "pxe" and machine["after"]:
        # Taken up at the next reset: an override is for one boot.
        qmp(machine["after"])


def power_off():
    running = pid()
    if running:
        os.kill(running, signal.SIGKILL)
        PIDFILE.unlink(missing_ok=True)


def qmp(command):
    if not pid():
        return
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(QMP))
        lines = monitor.makefile("rw")
        lines.readline()
        for one in ({"execute": "qmp_capabilities"}, command):
            lines.write(json.dumps(one) + "\n")
            lines.flush()
            lines.readline()


def set_one(name, value):
    with open(LOG, "a") as log:
        log.write(f"set {name} {value}\n")
    if name == "power":
        power_on() if value == "1" else power_off()
    elif name == "boot":
        BOOT.write_text(value)
    elif name == "reset" and value != "0":
        qmp({"execute": "system_reset"})
    elif name == "shutdown" and value != "0":
        qmp({"execute": "system_powerdown"})


def main():
    verb, rest = sys.argv[2], sys.argv[3:]
    if verb == "get":
        for name in rest:
            print({"power": f"power:{1 if pid() else 0}", "boot": f"boot:{boot()}"}.get(name, f"{name}:0"))
    elif verb == "set":
        for name, value in zip(rest[::2], rest[1::2]):
            set_one(name, value)


main()
