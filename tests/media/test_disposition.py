"""The Content-Disposition header."""

from __future__ import annotations

import time

import pytest

from matrix_app.media.disposition import disposition, name_in


@pytest.mark.parametrize(
    "name",
    [
        "report.pdf",
        "a; filename=b",
        'a"; filename="b',
        "back\\slash\\",
        "see filename*=utf-8''x.txt",
        "Übersicht ☕.png",
        "100%41",
    ],
)
def test_a_name_is_read_as_it_was_written(name: str) -> None:
    assert name_in(disposition("inline", name)) == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, None),
        ("inline", None),
        ('attachment; filename=""', None),
        ("attachment; FileName=a.txt; size=3", "a.txt"),
        ("attachment;filename=my file.txt", "my file.txt"),
        ("filename=a.txt", "a.txt"),
        ("attachment; filename*=UTF-8'en'%e2%82%ac.txt; filename=\"EURO.txt\"", "€.txt"),
        ("attachment; filename=\"EURO.txt\"; filename*=iso-8859-1''%A3%20rates", "£ rates"),
        ("attachment; filename*=koi8-r''%A3; filename=a.txt", "a.txt"),
        ("attachment; xfilename=a.txt", None),
        ('attachment; name="filename=x"', None),
        ('attachment; filename="never closed', None),
        ("attachment; filename=a.txt; filename=b.txt", "a.txt"),
    ],
)
def test_the_name_in_a_header_of_another_server(header: str | None, name: str | None) -> None:
    assert name_in(header) == name


def test_no_header_takes_long_to_read() -> None:
    began = time.process_time()
    for piece in ("a", " ", "=", ";", '"', "\\", 'a="', "a=\\"):
        name_in("inline; " + piece * 8000)
    assert time.process_time() - began < 1
