"""Third-party identifiers: proving that a mail address is somebody's, and keeping it with the account."""
