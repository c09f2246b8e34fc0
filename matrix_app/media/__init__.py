"""Pictures and files: where they are kept, what they are, and small versions of them. No database here."""
