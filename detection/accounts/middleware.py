"""What goes wrong at the identity provider becomes a sentence on the sign-in page."""

from social_django.middleware import SocialAuthExceptionMiddleware


class SocialAuthErrors(SocialAuthExceptionMiddleware):
    """social-auth's own handling; refined by the accounts feature."""
