"""From a request to a handler and back: endpoints as data, authentication, errors, the bridge."""
