"""The rules of the OAuth 2.0 API that need no storage: client metadata, redirect URIs, scopes, PKCE."""
