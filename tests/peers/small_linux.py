"""Makes a small installer: an ISO with Debian's kernel and a busybox initramfs, which really writes a disk that boots.

The installer calls back, writes the system that it carries to the first disk, calls back again and resets the machine. The
system then boots from that disk and calls back for the last time. Where to call is the kernel's argument
`rackhand.callback=URL`; the installer leaves it in the disk's last sector for the system.
"""

import contextlib
import gzip
import os
import shutil
import subprocess
from pathlib import Path

KERNEL = "linux-image-cloud-amd64"
# In the order in which they need each other.
MODULES = ["virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "failover",
           "net_failover", "virtio_net", "virtio_blk"]
APPLETS = ["sh", "mount", "insmod", "ip", "udhcpc", "wget", "dd", "gunzip", "cat", "sleep", "reboot", "poweroff", "sync",
           "blockdev", "tr", "ls", "head", "mknod"]

COMMON = r"""#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module.ko 2>/dev/null; done
say() { echo "small-linux: $*" > /dev/ttyS0; }
until [ -b /dev/vda ]; do sleep 0.1; done
until [ -d /sys/class/net/eth0 ]; do sleep 0.1; done
ip link set lo up
ip link set eth0 up
udhcpc -i eth0 -n -q -t 20 -T 1 -s /bin/lease > /dev/ttyS0 2>&1 || say "no lease"
mac=$(cat /sys/class/net/eth0/address)
call() {
  say "calls back: $1"
  tries=0
  until wget -q -O /dev/null --header 'Content-Type: application/json' \
      --post-data "{\"stage\": \"$1\", \"mac\": \"$mac\"}" "$callback" 2> /dev/ttyS0; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { say "gives up"; poweroff -f; }
    sleep 1
  done
}
"""

INSTALLER = COMMON + r"""
callback=
for word in $(cat /proc/cmdline); do
  case "$word" in rackhand.callback=*) callback=${word#rackhand.callback=} ;; esac
done
say "installer booted with: $(cat /proc/cmdline)"
[ -n "$callback" ] || { say "no call-back was named"; poweroff -f; }
call 'Writing image to disk'
gunzip -c /system.img.gz | dd of=/dev/vda bs=1M 2> /dev/null
last=$(($(blockdev --getsz /dev/vda) - 1))
{ echo "$callback"; cat /dev/zero; } | head -c 512 | dd of=/dev/vda bs=512 seek=$last 2> /dev/null
sync
call 'Rebooting'
say "resets"
reboot -f
"""

SYSTEM = COMMON + r"""
last=$(($(blockdev --getsz /dev/vda) - 1))
callback=$(dd if=/dev/vda bs=512 skip=$last count=1 2> /dev/null | tr -d '\000')
say "installed system runs"
call 'Done'
say "done"
while true; do sleep 60; done
"""

LEASE = r"""#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route add default via "$router"
"""


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-1000:]}")


def fetched_kernel(work):
    """Debian's cloud kernel and its modules, out of its package and not installed."""
    place = work / "kernel"
    place.mkdir(parents=True)
    if os.geteuid() == 0:
        # The lists may be old, or not there.
        run("apt-get", "update", "-qq")
    depends = subprocess.run(["apt-cache", "depends", KERNEL], check=True, capture_output=True, text=True).stdout
    package = next(line.split()[-1] for line in depends.splitlines() if "Depends: linux-image-" in line)
    run("apt-get", "download", package, cwd=place)
    archive = next(place.glob("linux-image-*.deb"))
    run("dpkg-deb", "-x", str(archive), str(place / "tree"))
    kernel = next((place / "tree" / "boot").glob("vmlinuz-*"))
    return kernel, place / "tree" / "lib" / "modules"


def initramfs(work, name, script, modules, more=()):
    """A busybox and a script as a gzipped cpio archive."""
    root = work / name
    (root / "bin").mkdir(parents=True)
    for empty in ("proc", "sys", "dev", "modules"):
        (root / empty).mkdir()
    shutil.copy("/bin/busybox", root / "bin" / "busybox")
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    order = []
    for module in MODULES:
        found = next(modules.rglob(f"{module}.ko"), None)
        if found is not None:
            shutil.copy(found, root / "modules" / found.name)
            order.append(module)
    (root / "modules" / "order").write_text("\n".join(order) + "\n")
    for path, text in ((root / "init", script), (root / "bin" / "lease", LEASE)):
        path.write_text(text)
        path.chmod(0o755)
    for source, target in more:
        shutil.copy(source, root / target)
    listing = subprocess.run(["find", "."], cwd=root, check=True, capture_output=True).stdout
    archive = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=listing, check=True,
                             capture_output=True).stdout
    result = work / f"{name}.img"
    result.write_bytes(gzip.compress(archive, 6))
    return result


def bootable(work, name, kernel, initrd):
    """An image with GRUB that boots as a disc and as a disk, by BIOS and by UEFI."""
    tree = work / f"{name}-tree"
    grub = tree / "boot" / "grub"
    grub.mkdir(parents=True)
    shutil.copy(kernel, tree / "boot" / "vmlinuz")
    shutil.copy(initrd, tree / "boot" / "initrd.img")
    (grub / "grub.cfg").write_text(
        "set timeout=0\nserial --unit=0\nterminal_output serial\n"
        f"menuentry '{name}' {{\n  linux /boot/vmlinuz console=ttyS0 panic=5 quiet\n  initrd /boot/initrd.img\n}}\n")
    image = work / f"{name}.iso"
    run("grub-mkrescue", "-o", str(image), str(tree))
    return image


def installer(cache):
    """The installer's ISO, made once for all cases."""
    result = Path(cache) / "small-linux-2.iso"
    if result.exists():
        return result
    work = Path(cache) / f"small-linux-work-{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(work)
    work.mkdir(parents=True)
    try:
        kernel, modules = fetched_kernel(work)
        system = bootable(work, "system", kernel, initramfs(work, "system-initramfs", SYSTEM, modules))
        packed = work / "system.img.gz"
        packed.write_bytes(gzip.compress(system.read_bytes(), 6))
        carrying = initramfs(work, "installer-initramfs", INSTALLER, modules, [(packed, "system.img.gz")])
        made = bootable(work, "installer", kernel, carrying)
        made.rename(result)
    finally:
        shutil.rmtree(work)
    return result


if __name__ == "__main__":
    import sys

    print(installer(sys.argv[1]))
