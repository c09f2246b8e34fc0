"""The support bundle: what somebody who helps needs to know of a server, and nothing that is its users' own.

Each part says only what it knows to be harmless; what is not known is left out, never looked through.
"""
