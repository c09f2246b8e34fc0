"""Configurations for the proxy in front of Hearth, which does TLS: `hearth render-proxy`."""
