"""rackhand drives sushy-tools' own emulator, two fake systems that are off, to "booted, installation not observable"."""

import argparse
import json
import pathlib
import re
import subprocess
import urllib.request

import peer

SYSTEMS = [
    ("node1", "1f1c1b7e-7a44-4b34-9d6a-6f9f0a6c0001", "02:00:00:00:01:01"),
    ("node2", "1f1c1b7e-7a44-4b34-9d6a-6f9f0a6c0002", "02:00:00:00:02:01"),
]

CONFIG = """\
SUSHY_EMULATOR_FAKE_DRIVER = True
SUSHY_EMULATOR_STATE_DIR = {state!r}
SUSHY_EMULATOR_FAKE_SYSTEMS = {systems!r}
"""

SITE = """\
apiVersion: ran.openshift.io/v1
kind: SiteConfig
metadata:
  name: peers
  namespace: peers
spec:
  baseDomain: example.com
  pullSecretRef:
    name: pull
  clusterImageSetNameRef: openshift-4.18
  clusters:
  - clusterName: peers
    networkType: OVNKubernetes
    nodes:
"""

NODE = """\
    - hostName: {name}
      role: master
      bmcAddress: redfish-virtualmedia+http://127.0.0.1:{port}/redfish/v1/Systems/{uuid}
      bmcCredentialsName:
        name: bmc
      bootMACAddress: "{mac}"
      crAnnotations:
        add:
          BareMetalHost:
            rackhand.dev/iso: installer.iso
"""

SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: bmc
  namespace: peers
type: Opaque
stringData:
  username: admin
  password: nobody-asks-for-it
"""


def write_site(args, port):
    """A site for the emulator's systems, with an installer's image made by our simulator."""
    site, made = args.work / "site", args.work / "made"
    site.mkdir()
    text = SITE + "".join(NODE.format(name=name, uuid=uuid, mac=mac, port=port) for name, uuid, mac in SYSTEMS)
    (site / "peers.yaml").write_text(text)
    (site / "secret.yaml").write_text(SECRET)
    command = [args.simulator, "-p", str(peer.free_port()), "--write-site", str(made), "--iso-mib", "1"]
    with peer.running(command, args.work / "image.log") as process:
        log = args.work / "image.log"
        peer.until("the simulator", lambda: "ready" in log.read_text(), process=process)
        (made / "installer.iso").rename(site / "installer.iso")
    return site


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def answers(url):
    try:
        return get(url)
    except OSError:
        return None


def changes(log):
    """The requests of the emulator's access log that are no reads. It is written in colours."""
    text = re.sub("\x1b\\[[0-9;]*m", "", log.read_text())
    lines = re.findall(r'"(GET|HEAD|POST|PATCH|PUT|DELETE) (\S+) HTTP/1\.\d" (\d+)', text)
    return [line for line in lines if line[0] not in ("GET", "HEAD")]


def apply(args, site, name):
    command = [args.rackhand, "apply", "-f", str(site), "--state-dir", str(args.work / "state")]
    # The fake driver takes up to 11 s to switch a system on or off, whatever the pace.
    command += ["--pace", "0.5", "--timeout", "100s"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    output = done.stdout + done.stderr
    (args.work / f"{name}.log").write_text(output)
    assert done.returncode == 0, f"rackhand apply ends with {done.returncode}:\n{output}"
    return output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rackhand", required=True)
    parser.add_argument("--simulator", required=True)
    parser.add_argument("--emulator", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    args = parser.parse_args()
    peer.end_on_sigterm()
    report = peer.Report("sushy-emulator")

    port = peer.free_port()
    state, config, log = args.work / "emulator", args.work / "emulator.conf", args.work / "emulator.log"
    state.mkdir()
    fake = [
        {"uuid": uuid, "name": name, "power_state": "Off", "nics": [{"mac": mac, "ip": "192.0.2.10"}]}
        for name, uuid, mac in SYSTEMS
    ]
    config.write_text(CONFIG.format(state=str(state), systems=fake))
    site = write_site(args, port)
    command = [args.emulator, "--config", str(config), "--fake", "-i", "127.0.0.1", "-p", str(port)]
    root = f"http://127.0.0.1:{port}/redfish/v1"
    with peer.running(command, log) as process:
        peer.until("the emulator", lambda: answers(f"{root}/"), process=process)
        before = changes(log)
        with report.trying("apply") as say:
            output = apply(args, site, "first")
            for name, _, _ in SYSTEMS:
                assert re.search(rf"{name}.*booted", output), f"nothing says that {name} booted:\n{output}"
            assert "not observable" in output, output
            say("booted, installation not observable")
        for name, uuid, _ in SYSTEMS:
            with report.trying(f"{name} as the emulator shows it") as say:
                system = get(f"{root}/Systems/{uuid}")
                boot = system["Boot"]["BootSourceOverrideTarget"]
                medium = get(f"{root}/Systems/{uuid}/VirtualMedia/Cd")
                seen = f"{system['PowerState']}, boots {boot}, {medium['Image']}"
                assert (system["PowerState"], boot, medium["Inserted"]) == ("On", "Cd", True), seen
                assert medium["Image"].endswith(".iso"), seen
                say(seen)
        made = changes(log)
        with report.trying("a second apply changes nothing") as say:
            assert len(made) > len(before), "the first apply changed nothing either"
            apply(args, site, "second")
            assert changes(log) == made, changes(log)[len(made) :]
            say(f"{len(made) - len(before)} changes by the first, none by the second")
    report.exit()


if __name__ == "__main__":
    main()
