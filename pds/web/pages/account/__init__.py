"""``/account``: where members see and control their accounts. ``routes`` is the list of pages.

Every page below ``/account/u/<did>`` goes through ``desk``, which decides who is let in.
"""
