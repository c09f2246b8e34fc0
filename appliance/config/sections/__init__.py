"""The tables of `hearth.toml`, grouped by what they are about."""
