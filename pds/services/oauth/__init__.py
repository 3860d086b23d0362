"""OAuth: apps sign members in, and do for them what they have allowed.

- ``parts.py``: the services of this folder, and how they are put together
- ``model.py``: what they hand to each other
- ``requests.py``: what clients push; ``request_parameters.py``: what it may be
- ``proofs.py``: DPoP proofs; ``client_credentials.py``: how clients show who they are
- ``clients.py``: who a client is
- ``permission_sets.py``: what ``include:`` scopes stand for; ``lexicons.py``: where that is said
- ``fetched_cache.py``: keeps what clients and authors of sets have published

Terms
- client: an app, known by its ``client_id``.
- request: what a client has pushed, from then until the code that came of it is used.
- grant: what a member has allowed a client, from the exchange of the code until it ends.
- issuer: this server as an authorization server, ``config.public_url``.
Specs: https://atproto.com/specs/oauth and https://atproto.com/specs/permission
"""
