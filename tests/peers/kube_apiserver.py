"""A real kube-apiserver, built from Debian's source package and kept, for cases that need one.

    kube_apiserver.py build --cache DIR                 builds it, or finds it built
    kube_apiserver.py start --cache DIR --work DIR      starts etcd and kube-apiserver; leaves DIR/kubeconfig and DIR/env
    kube_apiserver.py stop --work DIR                   ends what start started

Ends with 3 when the parts cannot be had here: that is "not available", neither passed nor failed.
"""

import argparse
import contextlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

from peer import end_on_sigterm, free_port, running, until

NOT_AVAILABLE = 3
# Debian 12's, the newest that Debian has.
RELEASE = "bookworm"
SOURCE = "kubernetes"
GO = "1.19"
PACKAGES = [
    f"golang-{GO}-go",
    f"golang-{GO}-src",
    "etcd-server",
    "kubernetes-client",
    "golang-github-modern-go-reflect2-dev",
]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
TREES = ["cmd", "pkg", "plugin", "staging", "vendor", "third_party", "hack/boilerplate"]


class NotAvailable(Exception):
    """Something that is not ours to repair is missing."""


def say(text):
    print(text, flush=True)


# --- Building ------------------------------------------------------------------------------------------------------


def apt_configuration(root):
    """An apt of our own beside the system's, with sources of source packages, so that nothing here is changed."""
    if not shutil.which("apt-get") or not os.path.exists(KEYRING):
        raise NotAvailable("this is no Debian: there is no apt-get or no keyring of Debian's archive")
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
        capture_output=True, text=True, check=True,
    ).stdout.split("\n")
    wanted = {RELEASE, f"{RELEASE}-security"}
    archives = sorted({line for line in targets if line.split()[1:2] and line.split()[1] in wanted})
    archives = [line for line in archives if line.split()[2] == "main"]
    if not archives:
        raise NotAvailable(f"apt has no source of Debian {RELEASE} here")
    lines = [f"{kind} [signed-by={KEYRING}] {archive}\n" for archive in archives for kind in ("deb", "deb-src")]
    (root / "sources.list").write_text("".join(lines))
    for directory in ("state/lists/partial", "cache/archives/partial", "downloads"):
        (root / directory).mkdir(parents=True)
    options = {
        "Dir::Etc::SourceList": root / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": root / "state",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": root / "cache",
        "APT::Sandbox::User": "root",
    }
    configuration = root / "apt.conf"
    configuration.write_text("".join(f'{name} "{value}";\n' for name, value in options.items()))
    return configuration


def download(root):
    """Fetches the packages, checked by apt, into root/downloads."""
    environment = {**os.environ, "APT_CONFIG": str(apt_configuration(root))}
    for command in (
        ["apt-get", "-q", "update"],
        ["apt-get", "-q", "source", "--download-only", SOURCE],
        ["apt-get", "-q", "download", *PACKAGES],
    ):
        done = subprocess.run(command, cwd=root / "downloads", env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise NotAvailable(f"{' '.join(command[:3])}: {done.stderr.strip().splitlines()[-1:]}")


def unpack(root):
    """Unpacks the packages, and of the source only what kube-apiserver is made of."""
    downloads = root / "downloads"
    for package in downloads.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, root / "debian"], check=True)
    original = next(downloads.glob(f"{SOURCE}_*.orig.tar.gz"))
    tree = root / "go/src/k8s.io/kubernetes"
    tree.mkdir(parents=True)
    top = subprocess.run(
        f"tar tzf '{original}' | head -1", shell=True, capture_output=True, text=True, check=True
    ).stdout.split("/")[0]
    subprocess.run(
        ["tar", "xzf", original, "-C", tree, "--strip-components=1", "--exclude=*_test.go", "--exclude=*/testdata",
         *[f"{top}/{name}" for name in TREES]],
        check=True,
    )
    # The one that Kubernetes carries reads memory that newer compilers laid out otherwise, and ends the server at the
    # first CustomResourceDefinition.
    reflect = "github.com/modern-go/reflect2"
    shutil.rmtree(tree / "vendor" / reflect)
    shutil.copytree(root / "debian/usr/share/gocode/src" / reflect, tree / "vendor" / reflect)
    return tree, top.rpartition("-")[2]


def openapi_inputs(tree):
    """The packages that say that they are part of the API's description."""
    mark = "+k8s:openapi-gen="
    found = set()
    for start, prefix in (("pkg", "k8s.io/kubernetes/pkg"), ("staging/src", ""), ("vendor/k8s.io/kube-openapi", "k8s.io/kube-openapi")):
        for path in (tree / start).rglob("*.go"):
            directory = path.parent.relative_to(tree / start)
            if any(part.startswith(("test", "code-generator", "sample-")) or "codegen" in part
                   for part in directory.parts):
                continue
            if mark in path.read_text(errors="replace"):
                found.add("/".join(part for part in (prefix, directory.as_posix()) if part))
    return sorted(found)


def compile_server(root, tree, version, place):
    """Generates the API's description and builds the server."""
    go_root = root / f"debian/usr/lib/go-{GO}"
    environment = {
        **os.environ,
        "GOROOT": str(go_root),
        "GOPATH": str(root / "go"),
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
        "GOCACHE": str(root / "go-cache"),
        # There is memory enough for a compiler that collects seldom.
        "GOGC": "500",
    }
    go = str(go_root / "bin/go")
    # It serves tests for a minute: what the optimiser would take is more than what it would save.
    flags = ["-gcflags=all=-l -N -dwarf=false"]

    def command(*more):
        return [go, "build", *flags, "-tags", "providerless", *more]

    def run(arguments):
        subprocess.run(arguments, cwd=tree, env=environment, check=True)

    began = time.monotonic()
    run(command("-o", str(root / "openapi-gen"), "./vendor/k8s.io/kube-openapi/cmd/openapi-gen"))
    # The generator uses one core. What does not need its result is compiled meanwhile.
    with subprocess.Popen(command("./pkg/controlplane"), cwd=tree, env=environment) as most:
        run([root / "openapi-gen", "-O", "zz_generated.openapi", "-i", ",".join(openapi_inputs(tree)),
             "-p", "k8s.io/kubernetes/pkg/generated/openapi",
             "--go-header-file", "hack/boilerplate/boilerplate.generatego.txt", "-r", str(root / "violations")])
        say(f"the API's description is generated: {time.monotonic() - began:.0f} s")
        if most.wait() != 0:
            raise subprocess.CalledProcessError(most.returncode, most.args)
    major, minor = version.split(".")[:2]
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "archive"}
    stamps = [
        f"-X k8s.io/kubernetes/vendor/k8s.io/{package}.{name}={value}"
        for package in ("component-base/version", "client-go/pkg/version")
        for name, value in values.items()
    ]
    run(command("-ldflags=" + " ".join(["-s", "-w", *stamps]), "-o", str(place / "kube-apiserver"),
                "./cmd/kube-apiserver"))


def build(cache):
    """The directory with etcd, kube-apiserver and kubectl; built beside and moved into place when complete."""
    place = cache / f"kube-apiserver-{RELEASE}-1"
    if (place / "ready").exists():
        say(f"kube-apiserver is there already: {place}")
        return place
    began = time.monotonic()
    cache.mkdir(parents=True, exist_ok=True)
    root = cache / f"kube-apiserver-build-{os.getpid()}"
    made = root / "made"
    made.mkdir(parents=True)
    try:
        download(root)
        say(f"the packages are fetched: {time.monotonic() - began:.0f} s")
        tree, version = unpack(root)
        for name in ("etcd", "kubectl"):
            shutil.copy2(root / "debian/usr/bin" / name, made / name)
        compile_server(root, tree, version, made)
        (made / "ready").write_text(f"{version}\n")
        shutil.rmtree(place, ignore_errors=True)
        made.rename(place)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    say(f"kube-apiserver {version} is built: {time.monotonic() - began:.0f} s in all")
    return place


def at_hand(cache):
    """The same, for programs: ends this one where the parts cannot be had."""
    try:
        return build(cache.resolve())
    except NotAvailable as why:
        say(f"not available: {why}")
        sys.exit(NOT_AVAILABLE)


# --- Running -------------------------------------------------------------------------------------------------------


class Server:
    """What a started server is reached by."""

    def __init__(self, place, work, port):
        self.place = place
        self.work = work
        self.url = f"https://127.0.0.1:{port}"
        self.ca = work / "certificates/apiserver.crt"
        self.tokens = {}

    def token(self, user, groups=""):
        """A user of the token file; to be asked for before the start."""
        return self.tokens.setdefault(user, (secrets.token_hex(16), groups))[0]

    def write_tokens(self):
        lines = [f'{token},{user},{user},"{groups}"\n' for user, (token, groups) in self.tokens.items()]
        path = self.work / "tokens.csv"
        path.touch(mode=0o600)
        path.write_text("".join(lines))
        return path

    def variables(self):
        """What the contract cases and others find the server by."""
        return {
            "RACKHAND_TEST_APISERVER": self.url,
            "RACKHAND_TEST_APISERVER_CA": str(self.ca),
            "RACKHAND_TEST_APISERVER_TOKEN": self.token("admin"),
            "RACKHAND_TEST_APISERVER_USER_TOKEN": self.token("rackhand-user"),
            "RACKHAND_TEST_KUBECONFIG": str(self.work / "kubeconfig"),
            "RACKHAND_TEST_KUBECTL": str(self.place / "kubectl"),
        }

    def write_access(self):
        """DIR/kubeconfig for clients, and DIR/env for shells."""
        configuration = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "peer",
            "clusters": [{"name": "peer", "cluster": {"server": self.url, "certificate-authority": str(self.ca)}}],
            "users": [{"name": "admin", "user": {"token": self.token("admin")}}],
            "contexts": [{"name": "peer", "context": {"cluster": "peer", "user": "admin"}}],
        }
        for name, text in (
            ("kubeconfig", json.dumps(configuration, indent=1)),
            ("env", "".join(f"export {name}='{value}'\n" for name, value in self.variables().items())),
        ):
            path = self.work / name
            path.touch(mode=0o600)
            path.write_text(text)

    def ready(self):
        """Whether the server says that it is ready."""
        if not self.ca.exists():
            return False
        request = urllib.request.Request(
            f"{self.url}/readyz", headers={"Authorization": f"Bearer {self.token('admin')}"}
        )
        try:
            context = ssl.create_default_context(cafile=str(self.ca))
            opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
            )
            with opener.open(request, timeout=5) as answer:
                return answer.read() == b"ok"
        except (OSError, ssl.SSLError, urllib.error.URLError):
            return False


def commands(place, work):
    """A server and the commands that start it, etcd first."""
    work.mkdir(parents=True, exist_ok=True)
    clients, peers, port = free_port(), free_port(), free_port()
    server = Server(place, work, port)
    server.token("admin", "system:masters")
    server.token("rackhand-user", "rackhand-users")
    key = work / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, stderr=subprocess.DEVNULL)
    etcd = f"http://127.0.0.1:{clients}"
    first = [
        place / "etcd", "--data-dir", work / "etcd", "--listen-client-urls", etcd, "--advertise-client-urls", etcd,
        "--listen-peer-urls", f"http://127.0.0.1:{peers}", "--unsafe-no-fsync",
    ]
    second = [
        place / "kube-apiserver", "--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", str(port),
        "--cert-dir", work / "certificates", "--token-auth-file", server.write_tokens(),
        "--authorization-mode", "RBAC", "--service-account-issuer", "https://rackhand.test",
        "--service-account-signing-key-file", key, "--service-account-key-file", key,
        "--service-cluster-ip-range", "10.0.0.0/24", "--advertise-address", "127.0.0.1",
        "--endpoint-reconciler-type", "none", "--disable-admission-plugins", "ServiceAccount",
    ]
    server.write_access()
    return server, first, second


@contextlib.contextmanager
def serving(place, work):
    """A started server, ended with the block."""
    server, first, second = commands(place, work)
    with running(first, work / "etcd.log"), running(second, work / "kube-apiserver.log") as process:
        until("the API server is ready", server.ready, 120, process)
        yield server


def start(place, work):
    """Starts a server that outlives this process; `stop` ends it."""
    server, first, second = commands(place, work)
    pids = []
    for command, log in ((first, "etcd.log"), (second, "kube-apiserver.log")):
        with open(work / log, "wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        pids.append(process.pid)
        (work / "pids").write_text("".join(f"{pid}\n" for pid in pids))
    try:
        until("the API server is ready", server.ready, 120, process)
    except BaseException:
        stop(work)
        raise


def stop(work):
    """Ends what `start` started, the server before its store."""
    path = work / "pids"
    if not path.exists():
        return
    for pid in reversed([int(line) for line in path.read_text().split()]):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
            end = time.monotonic() + 10
            while time.monotonic() < end:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                os.killpg(pid, 0)
                time.sleep(0.1)
            os.killpg(pid, signal.SIGKILL)
    path.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["build", "start", "stop"])
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    options = parser.parse_args()
    end_on_sigterm()
    if options.what == "stop":
        stop(options.work)
        return
    place = at_hand(options.cache)
    if options.what == "start":
        start(place, options.work.resolve())


if __name__ == "__main__":
    main()
