"""Everything that an account has here, as one archive for its user: a long task, part by part.

Each part is a file in the store of media, so any worker can go on where another one ended, and any web
process can send the whole. What was not stored is made again.
"""
