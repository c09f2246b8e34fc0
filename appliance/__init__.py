"""Everything about running Hearth on a machine: configuration, processes, command line."""
