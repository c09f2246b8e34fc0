"""Every action of the pages, done by a hand in a browser, with its effect as others see it.

A deed is a function with `@deed(...)`: the actions that it does, by the names of their addresses, and what
each leaves in the audit log.
"""
