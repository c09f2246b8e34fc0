"""Checks of the server and its surroundings: one registry for pages, wizard, `hearth doctor` and mails."""
