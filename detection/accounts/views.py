"""Sign-in, sign-out, one's own account, and the pages of a refused or locked-out person."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout as end_session
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST
from social_core.actions import do_auth
from social_django import views as social_views
from social_django.utils import load_backend, load_strategy, psa

from detection import audit
from detection.accounts.auth0 import IDENTITY_TOKEN, Auth0
from detection.models import User

COOL_OFF = "Wait fifteen minutes, then try again, or ask your administrator."


def _refused(request: HttpRequest, status: int, title: str, sentence: str) -> HttpResponse:
    """A page that says why, and what next."""
    return render(request, "accounts/refused.html", {"title": title, "sentence": sentence}, status=status)


@method_decorator([login_not_required, never_cache, sensitive_post_parameters("password")], name="dispatch")
class Login(LoginView):
    """The sign-in page: hospital account (Auth0) first, local account second, each when it is on."""

    template_name = "accounts/login.html"
    authentication_form = AuthenticationForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check name and password of a local account."""
        if not settings.LOCAL_ACCOUNTS:
            return _refused(request, 403, "Local accounts are off", "Here everybody signs in with a hospital account.")
        return super().post(request, *args, **kwargs)

    def get_redirect_url(self) -> str:
        """Where to go after sign-in: the asked-for page when it is one of ours, and not this one."""
        wanted = super().get_redirect_url()
        return "" if wanted.split("?", 1)[0] in (self.request.path, reverse("logout")) else wanted

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign the person in and write it down."""
        response = super().form_valid(form)
        user = form.get_user()
        audit.record(user, "signed in", user, by="password")
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """`form`, `next`, and which ways in there are."""
        return super().get_context_data(**kwargs) | {
            "auth0_enabled": settings.AUTH0_ENABLED,
            "local_accounts": settings.LOCAL_ACCOUNTS,
        }


@never_cache
@login_not_required
@require_GET
def begin(request: HttpRequest, backend: str) -> HttpResponse:
    """Go to Auth0. A link and not a form: `form-action 'self'` stops a form from leading elsewhere.

    Another site's page may not start it: somebody would find themselves signed in without having asked.
    """
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return redirect(settings.LOGIN_URL)
    return cast("HttpResponse", _begin(request, backend))


@psa("social:complete")
def _begin(request: HttpRequest, backend: str) -> HttpResponse:
    # No `user`: a hospital account never joins the account that happens to be signed in.
    return cast("HttpResponse", do_auth(request.backend, redirect_name="next"))  # type: ignore[attr-defined]  # set by psa


@never_cache
@login_not_required
@require_GET
def complete(request: HttpRequest, backend: str) -> HttpResponse:
    """Come back from Auth0: social-auth checks state, code, ID token and nonce, then our pipeline runs."""
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    response = cast("HttpResponse", social_views.complete(request, backend))
    if request.user.is_authenticated:
        audit.record(request.user, "signed in", request.user, by=backend)
    return response


@never_cache
@login_not_required
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session here, and at Auth0 where it came from there."""
    user = request.user
    came_through = request.session.get("social_auth_last_login_backend")
    identity_token = request.session.get(IDENTITY_TOKEN)
    end_session(request)
    if user.is_authenticated:
        audit.record(user, "signed out", user)
    if came_through == Auth0.name and settings.AUTH0_ENABLED:
        backend = cast("Auth0", load_backend(load_strategy(request), Auth0.name, None))
        address = backend.sign_out_address(request.build_absolute_uri(reverse("login")), identity_token)
        # A page that moves on by itself, not a redirect: the browser counts a redirect as part of the form's way.
        return render(request, "accounts/leaving.html", {"address": address})
    return redirect(settings.LOGOUT_REDIRECT_URL)


@never_cache
@sensitive_post_parameters()
def account(request: HttpRequest) -> HttpResponse:
    """One's own account; a local one may change its password."""
    user = cast("User", request.user)
    local = user.has_usable_password() and settings.LOCAL_ACCOUNTS
    form = PasswordChangeForm(user, request.POST if request.method == "POST" else None) if local else None
    if request.method == "POST":
        if form is None:
            return _refused(
                request,
                403,
                "No password here",
                "This account signs in with a hospital account. Change its password there.",
            )
        if form.is_valid():
            form.save()
            # Signed out everywhere else, not here.
            update_session_auth_hash(request, user)
            audit.record(user, "password changed", user)
            messages.success(
                request, "The password is changed. You stay signed in here, and are signed out everywhere else."
            )
            return redirect("account")
    return render(
        request,
        "accounts/account.html",
        {"form": form, "role": user.get_role_display().partition(": ")},
        status=400 if form is not None and form.errors else 200,
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was open too long, or not ours."""
    return _refused(
        request,
        403,
        "This form has expired",
        "Nothing was changed. Go back, load the page again and send the form once more.",
    )


def locked_out(
    request: HttpRequest, original: HttpResponseBase | None, credentials: dict[str, Any] | None, *args: Any
) -> HttpResponse:
    """Too many wrong passwords for one name from one address (django-axes)."""
    response = _refused(request, 429, "Too many wrong passwords", COOL_OFF)
    response["Retry-After"] = "900"
    return response
