"""The checks, a file for each group. Each is declared with `@check` and named in `registry.MODULES`."""
