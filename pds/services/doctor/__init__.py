"""``pdsadmin doctor``: looks at everything that has to be right, and says what to do where not.

- ``model.py``: what a check is, what it finds, and what it is given (``Patient``)
- ``checks.py``: all checks in their order; each is a module of its own beside it
- ``checkup.py``: runs them: in order where they build on each other, side by side where they wait
- ``fixing.py``: what ``--fix`` heals

A new check: a module with a ``CHECK``, its line in ``checks.py``, its findings in
docs/troubleshooting.md (a test says which are missing).
"""
