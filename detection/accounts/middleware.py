"""What goes wrong at the identity provider becomes a sentence on the sign-in page."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from social_core.exceptions import (
    AuthCanceled,
    AuthConfigurationError,
    AuthInputError,
    AuthPolicyError,
    AuthProviderError,
    AuthSessionError,
    SocialAuthBaseException,
)
from social_django.middleware import SocialAuthExceptionMiddleware

from detection.accounts.pipeline import SignInRefused

SEEN = "seen"
BETWEEN_RENEWALS = 600
"""Seconds: a page of pictures makes a hundred requests, and each renewal is a write."""

RESTART = "This sign-in was started in another window, or took too long. Start again."
SENTENCES: tuple[tuple[type[SocialAuthBaseException], str], ...] = (
    (AuthCanceled, "You stopped signing in at the hospital's sign-in page. Nothing has changed here."),
    (AuthPolicyError, "Your e-mail address is not one of this hospital's. Ask your administrator."),
    (AuthSessionError, RESTART),
    (AuthInputError, RESTART),
    (AuthProviderError, "The hospital's sign-in page does not answer at the moment. Try again in a few minutes."),
    (AuthConfigurationError, "Signing in with a hospital account is set up wrongly here. Tell your administrator."),
)
NOT_VERIFIED = "The answer of the hospital's sign-in page could not be verified, so nobody was signed in. Start again; if it happens twice, tell your administrator."


class SocialAuthErrors(SocialAuthExceptionMiddleware):
    """Redirects to the sign-in page with one of our sentences; never with the provider's own text."""

    def raise_exception(self, request: HttpRequest, exception: Exception) -> bool:
        """A person gets the sentence in debug mode too."""
        return False

    def get_message(self, request: HttpRequest, exception: Exception) -> str:
        """The sentence for what happened."""
        if isinstance(exception, SignInRefused):
            return exception.sentence
        return next((sentence for kind, sentence in SENTENCES if isinstance(exception, kind)), NOT_VERIFIED)


class SessionInUse:
    """Lets a session end so long after it was last used, and not so long after its sign-in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Note now and then that it is in use: what is noted is saved, and what is saved is valid afresh."""
        answer = self.get_response(request)
        if request.user.is_authenticated and time.time() - request.session.get(SEEN, 0) > BETWEEN_RENEWALS:
            request.session[SEEN] = round(time.time())
        return answer
