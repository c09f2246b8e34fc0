"""Previews of links: fetching pages of the web without being led into the server's own network."""
