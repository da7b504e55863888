"""What the peer cases share: programs that are ended again, ports, waiting, and lines that say what was tried."""

import contextlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time


class Report:
    """Prints a line per thing tried and knows whether any failed."""

    def __init__(self, subject):
        self.subject = subject
        self.failed = 0

    @contextlib.contextmanager
    def trying(self, what):
        """Runs a block; what it raises is a failure of this one thing."""
        said = []
        try:
            yield said.append
        except Exception as error:  # A peer's own errors share no other base.
            self.failed += 1
            print(f"FAIL {self.subject} {what}: {type(error).__name__}: {error}")
        else:
            print(f"ok   {self.subject} {what}" + "".join(f": {one}" for one in said))

    def exit(self):
        sys.exit(1 if self.failed else 0)


@contextlib.contextmanager
def running(command, output):
    """Runs a program in a process group of its own, which ends with the block."""
    with open(output, "wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def end_on_sigterm():
    """Makes the runner's time limit unwind the blocks above, so that nothing is left running."""

    def stop(_signal, _frame):
        raise SystemExit("the case took too long")

    signal.signal(signal.SIGTERM, stop)


def free_port(address="127.0.0.1", kind=socket.SOCK_STREAM):
    with socket.socket(type=kind) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def until(what, look, seconds=60, process=None):
    """Looks until something true is seen, and returns it."""
    end = time.monotonic() + seconds
    seen = None
    while time.monotonic() < end:
        if process is not None and process.poll() is not None:
            raise AssertionError(f"the program ended with {process.returncode} before {what}")
        seen = look()
        if seen:
            return seen
        time.sleep(0.1)
    raise AssertionError(f"{what} was not seen within {seconds} s; last: {seen!r}")


class _Image(http.server.BaseHTTPRequestHandler):
    """Serves one image, whole or in ranges."""

    protocol_version = "HTTP/1.1"
    image = b""

    def do_GET(self):
        first, last = 0, len(self.image) - 1
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes="):
            begin, _, end = asked[len("bytes=") :].partition("-")
            first, last = int(begin), min(int(end), last) if end else last
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(self.image)}")
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self.image[first : last + 1])

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(image):
    """Serves an image on loopback, and yields its URL."""
    handler = type("Handler", (_Image,), {"image": image})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/image.iso"
    finally:
        server.shutdown()
        server.server_close()
