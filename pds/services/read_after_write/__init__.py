"""Members see what they have just written, although the app view has not.

An app view says with its replies up to which rev of the caller's repo it has read. What is newer
here is put into the reply: posts into feeds and threads, the profile into profiles.

Terms
- newer: a record of the caller's, written after that rev (``newer.py``).
- munging: changing a reply of the app view, as JSON, in place. One file per kind of reply:
  ``profiles.py``, ``feeds.py``, ``threads.py``.

``replies.py`` holds it together: whatever it cannot read, or fails at, is passed on as it came.
"""
