"""Owns which language a request gets: ``?lang=``, then the cookie, then the site's setting.

Never guesses from the browser: an authority's console starts in the authority's language.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection

from core.catalogue import LANGS, Lang

COOKIE = "yunjian_lang"


def of(connection: HTTPConnection, default: Lang) -> Lang:
    """The language of this request."""
    for wanted in (connection.query_params.get("lang"), connection.cookies.get(COOKIE)):
        for lang in LANGS:
            if wanted == lang:
                return lang
    return default
