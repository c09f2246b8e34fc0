"""What is said of values that are not of their setting's kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest

from appliance.config.wrong_kind import kind_fault
from matrix_app.protocol.said import Said
from matrix_app.services.spoken import spoken_in

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


@pytest.mark.parametrize(
    ("kind", "value", "english", "german"),
    [
        (int, "x", "it must be a whole number, and is text", "es muss eine ganze Zahl sein und ist Text"),
        (
            str | None,
            3,
            "it must be text, and is a whole number",
            "es muss Text sein und ist eine ganze Zahl",
        ),
        (Port, 0, "it must be 1 or more", "es muss mindestens 1 sein"),
        (Port, 70_000, "it must be 65535 or less", "es darf höchstens 65535 sein"),
        (Annotated[float, msgspec.Meta(gt=0)], 0.0, "it must be more than 0", "es muss mehr als 0 sein"),
        (Annotated[float, msgspec.Meta(lt=1)], 1.5, "it must be less than 1", "es muss weniger als 1 sein"),
        (Literal["a", "b"], "c", "it must be one of these: a, b", "es muss eins von diesen sein: a, b"),
        (
            tuple[str, ...],
            [1],
            "it must be text, and is a whole number, at [0]",
            "es muss Text sein und ist eine ganze Zahl, bei [0]",
        ),
        (
            Annotated[str, msgspec.Meta(min_length=1)],
            "",
            "it must have 1 characters or entries at least",
            "es muss mindestens 1 Zeichen oder Einträge haben",
        ),
    ],
)
def test_it_is_a_sentence_in_the_language_of_the_visitor(
    kind: Any, value: Any, english: str, german: str
) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(value, kind)
    told = kind_fault(str(raised.value), kind)
    assert isinstance(told, Said)
    assert told == english
    assert spoken_in("de", told) == german


def test_a_fault_of_a_new_sort_keeps_its_words() -> None:
    assert kind_fault("Timestamp is out of range - at `$.a`", int) == "Timestamp is out of range, at .a"
