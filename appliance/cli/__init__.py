"""The command line: `./hearth VERB`."""
