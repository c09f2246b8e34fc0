"""Configurations for proxies."""
