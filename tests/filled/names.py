"""What people, rooms and files are called: always the same, and never two alike."""

from __future__ import annotations

from typing import Final, NamedTuple

GIVEN: Final = (
    "Mara", "Jonas", "Elif", "Théo", "Ingrid", "Samir", "Lena", "Oskar", "Amina", "Piotr", "Chloé", "Bram",
    "Nadia", "Mateo", "Freya", "Idris", "Hanna", "Luca", "Zeynep", "Anton", "Marit", "Kofi", "Salome", "Emil",
    "Yara", "Finn", "Noor", "Gustav", "Irena", "Malik", "Astrid", "Tomasz",
)  # fmt: skip
FAMILY: Final = (
    "Lindqvist", "Okafor", "Weber", "Moreau", "Demir", "Novak", "Haddad", "Jansen", "Rossi", "Berger",
    "Kowalska", "Dubois", "Santos", "Keller", "Ferreira", "Ahmadi", "Larsen", "Petrov", "Nakamura", "Brandt",
    "Brennan", "Fontaine", "Vogel",
)  # fmt: skip
ROOMS: Final = (
    "Family", "Neighbourhood", "Choir", "Allotment gardens", "Book club", "Football, under twelve",
    "Grandparents", "Street party", "Repair café", "Cycling on Sundays", "Bread and sourdough",
    "School parents, 3b", "Photo walks", "Board games", "House meeting", "Lost and found", "Bees",
    "Film evenings", "Running group", "Tools to lend", "Holidays in Brittany", "Band rehearsal",
    "Recipes", "Weather station", "Chess by post", "Car sharing", "Garden plans",
)  # fmt: skip
TOPICS: Final = (
    "Who brings what, and when",
    "Pictures, plans and everything else",
    "Be kind. Meetings are on the first Tuesday of the month",
    "",
)
FILES: Final = (
    ("Garden in June.jpg", "image/jpeg"),
    ("Minutes.pdf", "application/pdf"),
    ("Birthday.mp4", "video/mp4"),
    ("Voice message.ogg", "audio/ogg"),
    ("Seating plan.png", "image/png"),
    ("Song sheet.pdf", "application/pdf"),
)
SERVERS: Final = (
    "village.example", "choir.example", "chat.coop.example", "nachbarn.example", "lesamis.example",
    "club.example", "school.example", "harbour.example", "kitchen.example", "orchard.example",
)  # fmt: skip


class Person(NamedTuple):
    """A localpart and a display name."""

    localpart: str
    display_name: str


def person(number: int) -> Person:
    """The person of a number, of whom there is only one."""
    given = GIVEN[number % len(GIVEN)]
    family = FAMILY[(number * 5 + number // len(GIVEN)) % len(FAMILY)]
    serial = number // len(GIVEN)
    localpart = given.lower().replace("é", "e")
    return Person(f"{localpart}{serial or ''}", f"{given} {family}")


def room_name(number: int) -> str:
    """The name of a room."""
    serial = number // len(ROOMS)
    return f"{ROOMS[number % len(ROOMS)]}{f' {serial + 1}' if serial else ''}"


def server_name(number: int) -> str:
    """The name of another server."""
    serial = number // len(SERVERS)
    return f"{f's{serial}.' if serial else ''}{SERVERS[number % len(SERVERS)]}"


def file_of(number: int) -> tuple[str, str]:
    """The name and the type of a file."""
    name, kind = FILES[number % len(FILES)]
    stem, _, ending = name.rpartition(".")
    serial = number // len(FILES)
    return f"{stem}{f' {serial + 1}' if serial else ''}.{ending}", kind
