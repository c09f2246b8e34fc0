"""Writes hearth(1) as roff from the same text as --help. Needs Hearth on Python's path."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time

from appliance.cli.__main__ import VERBS
from appliance.version import VERSION

HEAD = """\
.TH HEARTH 1 "{date}" "Hearth {version}" "Hearth"
.SH NAME
hearth \\- Matrix homeserver for people who host their own
.SH SYNOPSIS
.B hearth
.I VERB
.RI [ OPTIONS ]
.SH DESCRIPTION
Hearth is a Matrix homeserver. Its services are started by systemd: hearth.target stands for all of them.
What root starts by this command runs as the user hearth.
.SH VERBS
"""
TAIL = """\
.SH FILES
.TP
.I /etc/hearth/hearth.toml
The configuration, with every setting explained. It is followed by the files in conf.d beside it.
.TP
.I /etc/hearth/conf.d/debconf.toml
The answers to dpkg\\-reconfigure hearth, which is how they are changed.
.TP
.I /var/lib/hearth
Database, media and, in secrets/, the key that signs for this server: keep a copy.
.SH PROXY AND TURN
hearth\\-proxy.service runs Caddy with /etc/hearth/Caddyfile, and hearth\\-turn.service coturn with
/etc/hearth/turnserver.conf, when dpkg\\-reconfigure hearth was told so. Services of the packages caddy and
coturn that were not configured are switched off for them. Where Caddy serves other sites too, answer
behind\\-proxy, and import what
.B hearth render\\-proxy caddy
prints into its configuration. Certificates of your own belong into /etc/hearth/tls, readable by the group
caddy.
.SH ENVIRONMENT
.TP
.B HEARTH_CONFIG
Another configuration file.
"""


def main() -> None:
    """Prints the page, dated by SOURCE_DATE_EPOCH."""
    epoch = float(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    parts = [HEAD.format(date=time.strftime("%Y-%m-%d", time.gmtime(epoch)), version=VERSION)]
    for verb in VERBS:
        parser = argparse.ArgumentParser(prog=f"hearth {verb.name}", description=verb.summary)
        importlib.import_module(verb.module).add_arguments(parser)
        parts.append(f".SS {escaped(verb.name)}{escaped(verb.summary)}.PP\n.nf\n")
        parts.append(escaped(parser.format_help()) + ".fi\n")
    sys.stdout.write("".join(parts) + TAIL)


def escaped(text: str) -> str:
    """Text as roff takes it literally."""
    lines = (line.replace("\\", "\\e").replace("-", "\\-") for line in text.splitlines())
    return "".join(f"\\&{line}\n" if line.startswith((".", "'")) else f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
