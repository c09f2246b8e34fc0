"""`hearth reconfigure`: everything that follows from the configuration is made to follow from it.

Where root runs it, root only compares, writes, gives files to their owners and speaks with systemd; whatever
reads data that the server can write is done as the server's user.
"""
