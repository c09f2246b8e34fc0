"""A form field for each setting, by its type."""

from __future__ import annotations

import types
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from msgspec import Meta

from appliance.config.runtime import RuntimeKey

# Of labels and sentences of settings in the catalogues: `manage.py translations` puts them there.
CONTEXT: Final = "setting"


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> str:
        """The lines of a list."""
        return value if isinstance(value, str) else "\n".join(value or ())

    def to_python(self, value: Any) -> Any:
        """The list of the lines; what is locked is a list already."""
        lines = value.splitlines() if isinstance(value, str) else value or ()
        return [line.strip() for line in lines if line.strip()]


def field_of(setting: RuntimeKey, *, locked: bool) -> forms.Field:
    """The field of a setting; one that the file fixes is shown, and cannot be changed."""
    kind, bounds = _unwrapped(setting.key.type)
    field = _field(setting, kind, bounds)
    field.label = pgettext_lazy(CONTEXT, label_of(setting.name))
    field.help_text = field.help_text or pgettext_lazy(CONTEXT, setting.key.sentence)
    field.disabled = locked
    return field


def label_of(name: str) -> str:
    """What a setting is called in English: registration.allow_deactivation is Allow deactivation."""
    rest = name.partition(".")[2].replace(".", ": ").replace("_", " ")
    return rest[:1].upper() + rest[1:]


def _unwrapped(kind: Any) -> tuple[Any, Meta]:
    bounds = Meta()
    if get_origin(kind) is Annotated:
        kind, *metas = get_args(kind)
        bounds = next((meta for meta in metas if isinstance(meta, Meta)), bounds)
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    return kind, bounds


def _field(setting: RuntimeKey, kind: Any, bounds: Meta) -> forms.Field:
    if setting.is_secret:
        widget = forms.PasswordInput(attrs={"autocomplete": "off"})
        return forms.CharField(
            required=False, strip=False, widget=widget, help_text=_("Empty: it stays as it is.")
        )
    if kind is bool:
        return forms.BooleanField(required=False)
    if kind is int:
        return forms.IntegerField(min_value=_whole(bounds.ge), max_value=_whole(bounds.le))
    if kind is float:
        return forms.FloatField(min_value=bounds.ge, max_value=bounds.le)
    if get_origin(kind) is Literal:
        return forms.ChoiceField(choices=[(value, value) for value in get_args(kind)])
    if get_origin(kind) is tuple:
        return LinesField(required=False)
    return forms.CharField(required=False, max_length=2000)


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)
