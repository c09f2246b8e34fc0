"""What must hold in a machine that boots with the packages: told as root, by a service of that machine."""
