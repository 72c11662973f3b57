"""What a person searched for, kept in the session: words may be a patient's name, and an address goes into logs and history.

An address names a search by a random id that only its own session knows.
"""

from __future__ import annotations

import secrets

from django.contrib.sessions.backends.base import SessionBase

LONGEST = 100
KEPT = 20
"""Searches of a session; the oldest is forgotten first."""
_KEY = "searches"


def keep(session: SessionBase, words: str) -> str:
    """Keep the words and give the id that an address may carry; empty where nothing is searched for."""
    words = words.replace("\x00", "").strip()[:LONGEST]
    if not words:
        return ""
    searches: dict[str, str] = session.get(_KEY, {})
    found = next((key for key, known in searches.items() if known == words), None) or secrets.token_urlsafe(9)
    searches.pop(found, None)
    session[_KEY] = dict([*searches.items(), (found, words)][-KEPT:])
    return found


def words_of(session: SessionBase, search: str) -> str:
    """The words of an id; empty where this session knows none."""
    return str(session.get(_KEY, {}).get(search, ""))
