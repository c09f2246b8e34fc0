"""A certificate of one's own for the proxy: uploading it, and what becomes of it."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.visit import Visit
from appliance import own_certificate
from appliance.certificates import Facts, NoCertificate, facts_of
from appliance.config import get_config
from matrix_app.protocol.errors import MatrixError
from matrix_app.services.own_certificate import LARGEST, remove_certificate, upload_certificate


class CertificateForm(forms.Form):
    """The two files."""

    chain = forms.FileField(
        label=_("Certificate with its chain (PEM)"),
        help_text=_("The certificate of the server comes first, then those that issued it."),
    )
    key = forms.FileField(label=_("Its private key (PEM, without a password)"))


def _facts() -> Facts | None:
    pair = own_certificate.read(get_config())
    try:
        return None if pair is None else facts_of(pair.certificate)
    except NoCertificate:
        return None  # the check of it tells


@page("admin", confirmed=True)
def certificate(visit: Visit) -> HttpResponse:
    """What was uploaded, and a form for another."""
    form = CertificateForm(visit.form, visit.http.FILES, label_suffix="") if visit.is_post else None
    if form is not None and form.is_valid():
        try:
            # One byte more than is allowed tells that it is too much.
            files = [form.cleaned_data[name].read(LARGEST + 1) for name in ("chain", "key")]
            upload_certificate(visit.actor, *files)
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            return visit.redirect(reverse("admin:settings-certificate"), _t("The certificate is kept."))
    config, facts = get_config(), _facts()
    hosts = own_certificate.hosts_of(config)
    return visit.page(
        "settings/certificate",
        form=form or CertificateForm(label_suffix=""),
        facts=facts,
        not_after_ts=int(facts.not_after * 1000) if facts else 0,
        missing=[host for host in hosts if facts and not facts.covers(host)],
        hosts=hosts,
        kind=config.proxy.kind,
        locked=config.proxy.certificate_file,
        files=own_certificate.kept(config),
        is_handed_on=own_certificate.is_handed_on(config),
        is_current=own_certificate.is_current(config),
    )


@page("admin", confirmed=True)
def remove(visit: Visit) -> HttpResponse:
    """Forget it: the proxy goes back to its own way."""
    address = reverse("admin:settings-certificate")
    if not visit.is_post:
        return visit.redirect(address)
    remove_certificate(visit.actor)
    return visit.redirect(address, _t("The certificate has been removed."))
