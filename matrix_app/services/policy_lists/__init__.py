"""Moderation policy lists that administrators have this server follow ("Moderation policy lists").

The server's own user is in the room of each list, so that its state is here and current like that of any
other room. The rules are compiled once for each state of a room, and kept in memory by its number.
"""
