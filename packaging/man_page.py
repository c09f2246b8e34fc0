"""Writes hearth(1) as roff from the same text as --help. Needs Hearth on Python's path."""

from __future__ import annotations

import argparse
import os
import sys
import time

from appliance.cli.parser import actions_below
from appliance.cli.verbs import VERBS
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
/etc/hearth/turnserver.conf, when dpkg\\-reconfigure hearth was told so. Both files are written by
.BR "hearth reconfigure" ,
from settings that may be changed in a file of your own in conf.d. Services of the packages caddy and
coturn that were not configured are switched off for them. Where Caddy serves other sites too, answer
behind\\-proxy, and import what
.B hearth render\\-proxy caddy
prints into its configuration. Certificates of your own belong into /etc/hearth/tls, readable by the group
caddy.
.SH EXIT STATUS
0: it was done. 1: it was not, and a sentence says why; of
.B hearth doctor
that something does not work. 2: the command, the configuration or the version of the database is wrong.
3: the database cannot be used. 130: it was interrupted.
.SH ENVIRONMENT
.TP
.B HEARTH_CONFIG
Another configuration file.
.TP
.B HEARTH_SECTION__KEY
A setting in place of that of the file, such as HEARTH_LOGGING__LEVEL=debug.
"""


def main() -> None:
    """Prints the page, dated by SOURCE_DATE_EPOCH."""
    os.environ["COLUMNS"] = "80"  # whatever terminal it is built in
    epoch = float(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    parts = [HEAD.format(date=time.strftime("%Y-%m-%d", time.gmtime(epoch)), version=VERSION)]
    for verb in VERBS:
        parser = verb.parser()
        parts.append(f".SS {escaped(verb.name)}{escaped(verb.summary)}")
        parts += [literally(one) for one in (parser, *actions_below(parser).values())]
    sys.stdout.write("".join(parts) + TAIL)


def literally(parser: argparse.ArgumentParser) -> str:
    """What --help says, line by line."""
    return f".PP\n.nf\n{escaped(parser.format_help())}.fi\n"


def escaped(text: str) -> str:
    """Text as roff takes it literally."""
    lines = (line.replace("\\", "\\e").replace("-", "\\-") for line in text.splitlines())
    return "".join(f"\\&{line}\n" if line.startswith((".", "'")) else f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
