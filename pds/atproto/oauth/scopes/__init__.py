"""Scopes: what an app asks for, what a member grants it, what that permits.

``text.py`` and ``schema.py`` know the grammar; ``repo.py``, ``rpc.py``, ``blob.py``,
``account.py``, ``identity.py``, ``include.py`` and ``static.py`` one kind of scope each;
``parse.py`` reads any of them. ``needs.py`` is the other side: what one request takes.
``granted.py`` brings the two together, ``permission_set.py`` puts scopes in the place of
``include:``, ``consent.py`` says what a member is asked, ``methods.py`` what a method takes.

Spec: https://atproto.com/specs/permission
"""
