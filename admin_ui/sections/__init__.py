"""The sections of the pages, a folder each: views, `urls.py` with its addresses and its place in the menu."""
