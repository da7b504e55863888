"""The cases of tests/apiserver, against a real kube-apiserver: where the two differ, the double is wrong."""

import argparse
import os
import pathlib
import subprocess
import sys

import kube_apiserver
from peer import end_on_sigterm


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    options = parser.parse_args()
    end_on_sigterm()
    place = kube_apiserver.at_hand(options.cache)
    with kube_apiserver.serving(place, options.work.resolve()) as server:
        # The whole workspace is named, so that what its tests have built already is what is used.
        command = ["cargo", "test", "--workspace", "--locked", "--quiet", "--test", "contract", "--test", "kubectl"]
        done = subprocess.run(command, env={**os.environ, **server.variables()})
    sys.exit(1 if done.returncode else 0)


if __name__ == "__main__":
    main()
