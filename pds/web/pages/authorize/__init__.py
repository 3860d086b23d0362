"""``/oauth/authorize`` and what is below: a member answers an app's request.

Every page is a form or a link of its own and needs no scripts. ``steps.py`` says which page comes
when, ``visit.py`` what all of them begin with.
"""
