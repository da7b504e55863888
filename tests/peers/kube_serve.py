"""A real hub: rackhand serve against kube-apiserver, kubectl beside it, and two simulated servers to install."""

import argparse
import contextlib
import json
import pathlib
import re
import signal
import ssl
import subprocess
import urllib.request

import kube_apiserver
from peer import Report, end_on_sigterm, running, until

ADDRESS = "127.79.3.1"
# Kinds of other people, of which a hub without the siteconfig operator has these.
KINDS = [
    ("metal3.io", "v1alpha1", "BareMetalHost", "baremetalhosts"),
    ("agent-install.openshift.io", "v1beta1", "InfraEnv", "infraenvs"),
    ("agent-install.openshift.io", "v1beta1", "Agent", "agents"),
]
ORDER = ["BMCReachable", "Inventoried", "MediaInserted", "BootInitiated", "AgentRegistered", "MediaEjected", "Ready"]


def definition(group, version, kind, plural):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


class Hub:
    """A started API server and the kubectl that is at home there."""

    def __init__(self, server, work):
        self.server = server
        self.work = work

    def kubectl(self, *arguments, text=None):
        command = [self.server.place / "kubectl", "--kubeconfig", self.work / "kubeconfig", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, text):
        return self.kubectl("apply", "--server-side", "--validate=false", "-f", "-", text=text)

    def agents_token(self):
        """A token of the service account in deploy/, whose rights are what is tried."""
        path = "/api/v1/namespaces/rackhand/serviceaccounts/rackhand-agent/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
        request = urllib.request.Request(
            self.server.url + path,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.server.token('admin')}", "Content-Type": "application/json"},
        )
        context = ssl.create_default_context(cafile=str(self.server.ca))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)["status"]["token"]

    def agents_kubeconfig(self):
        path = self.work / "agent.kubeconfig"
        path.touch(mode=0o600)
        configuration = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "hub",
            "clusters": [
                {"name": "hub", "cluster": {"server": self.server.url, "certificate-authority": str(self.server.ca)}}
            ],
            "users": [{"name": "agent", "user": {"token": self.agents_token()}}],
            "contexts": [{"name": "hub", "context": {"cluster": "hub", "user": "agent"}}],
        }
        path.write_text(json.dumps(configuration))
        return path


def documents(text, kinds):
    """Those documents of a YAML stream that are of these kinds."""
    all_of_them = re.split(r"^---\s*$", text, flags=re.M)
    return [one for one in all_of_them if any(re.search(rf"^kind: {kind}$", one, re.M) for kind in kinds)]


def try_all(report, args, hub):
    site = args.work / "site"
    with report.trying("deploy/hub is taken"):
        hub.kubectl("apply", "--server-side", "-k", "deploy/hub")
        kinds = {"apiVersion": "v1", "kind": "List", "items": [definition(*kind) for kind in KINDS]}
        hub.apply(json.dumps(kinds))
    with report.trying("render --with-agent makes what it takes"):
        rendered = subprocess.run(
            [args.rackhand, "render", "-f", site, "--with-agent", "rack7"], capture_output=True, text=True, check=True
        ).stdout
        until(
            "the hub knows the kinds",
            lambda: "hostprovisions" in hub.kubectl("api-resources") and "baremetalhosts" in hub.kubectl("api-resources"),
        )
        hub.apply("\n---\n".join(documents(rendered, ["Namespace"])))
        hub.apply("\n---\n".join(documents(rendered, ["HostProvision", "BareMetalHost"])))
        for secrets in sorted(site.glob("*-secrets.yaml")):
            hub.apply(secrets.read_text())
        for namespace in ("edge-1", "edge-2"):
            binding = hub.kubectl("kustomize", "deploy/hub/cluster-namespace")
            hub.kubectl("apply", "-n", namespace, "-f", "-", text=binding)
    state = args.work / "state"
    command = [
        args.rackhand, "serve", "--hub", hub.agents_kubeconfig(), "--agent", "rack7",
        "--bmc-network", "127.79.0.0/16", "--image-dir", site, "--state-dir", state,
        "--pace", "0.01", "--media-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0",
    ]
    with running(command, args.work / "serve.log") as process:
        provisioned(report, hub, process)
        refused(report, hub)
        with report.trying("a deleted HostProvision goes"):
            hub.kubectl("delete", "hostprovision", "node2", "-n", "edge-2", "--timeout=60s")
        with report.trying("status tells how it stands") as said:
            status = subprocess.run(
                [args.rackhand, "status", "--state-dir", state], capture_output=True, text=True
            ).stdout
            assert "Lease held" in status, status
            said(status.splitlines()[3])
        with report.trying("SIGTERM ends it well"):
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, f"it ended with {process.returncode}"


def provisioned(report, hub, process):
    with report.trying("kubectl wait sees Ready of nodes that only the hub speaks of"):
        for node, namespace in (("node1", "edge-1"), ("node2", "edge-2")):
            until("an agent speaks", lambda: hub.kubectl("get", "hp", node, "-n", namespace, "-o", "jsonpath={.status.agent}"), 60, process)
            hub.kubectl("wait", f"hostprovision/{node}", "-n", namespace, "--for=condition=Ready", "--timeout=180s")
    with report.trying("the conditions came in their order"):
        found = json.loads(hub.kubectl("get", "hp", "node1", "-n", "edge-1", "-o", "json"))
        times = {one["type"]: one["lastTransitionTime"] for one in found["status"]["conditions"]}
        assert sorted(times[kind] for kind in ORDER) == [times[kind] for kind in ORDER], times
    with report.trying("the columns tell it") as said:
        table = hub.kubectl("get", "hostprovisions", "-A")
        assert re.search(r"node1\s+rack7\s+.*True\s+Completed", table), table
        said(table.splitlines()[1])
    with report.trying("Events tell it"):
        events = hub.kubectl("get", "events", "-n", "edge-1", "-o", "jsonpath={.items[*].reason}").split()
        missing = {"InstallationStarted", "MediaDone", "InstallationStage", "Installed"} - set(events)
        assert not missing, f"{missing} not in {events}"
    with report.trying("the agent may list no Secrets"):
        config = hub.work / "agent.kubeconfig"
        command = [hub.server.place / "kubectl", "--kubeconfig", config, "get", "secrets", "-n", "edge-1"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode and "forbidden" in done.stderr, done


def refused(report, hub):
    with report.trying("what cannot be is refused by the hub, or told with its path") as said:
        patch = json.dumps({"spec": {"bootMode": "uefi"}})
        with contextlib.suppress(AssertionError):
            hub.kubectl("patch", "hp", "node1", "-n", "edge-1", "--type", "merge", "-p", patch)
            raise SystemExit("a boot mode that there is not was taken")
        patch = json.dumps({"spec": {"image": {"infraEnvRef": {"name": "x"}, "url": "https://hub.example/x.iso"}}})
        hub.kubectl("patch", "hp", "node1", "-n", "edge-1", "--type", "merge", "-p", patch)
        hub.kubectl("wait", "hp/node1", "-n", "edge-1", "--for=condition=SpecValid=false", "--timeout=60s")
        path = 'jsonpath={.status.conditions[?(@.type=="SpecValid")].message}'
        message = hub.kubectl("get", "hp", "node1", "-n", "edge-1", "-o", path)
        assert message.startswith("spec.image.url: "), message
        said(message)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rackhand", required=True)
    parser.add_argument("--simulator", required=True)
    parser.add_argument("--cache", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    args = parser.parse_args()
    args.work = args.work.resolve()
    end_on_sigterm()
    place = kube_apiserver.at_hand(args.cache)
    report = Report("kube-apiserver")
    machines = [
        args.simulator, "--fleet", "2", "--personality", "idrac9,ilo6", "-i", ADDRESS, "-p", "8443",
        "--time-scale", "200", "--iso-mib", "1", "--write-site", args.work / "site",
    ]
    log = args.work / "simulator.log"
    with kube_apiserver.serving(place, args.work) as server, running(machines, log) as process:
        until("the simulator is ready", lambda: "ready" in log.read_text(), 30, process)
        try_all(report, args, Hub(server, args.work))
    report.exit()


if __name__ == "__main__":
    main()
