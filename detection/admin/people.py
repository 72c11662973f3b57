"""Accounts, and the record of who did what. For administrators only."""

from __future__ import annotations

from typing import Any

from axes.models import AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.html import format_html
from social_django.models import Association, Nonce, UserSocialAuth

from detection import audit
from detection.admin.shown import NOTHING, LookOnly, RecordAdmin, Searched
from detection.models import AuditEntry, User

# Rights come from roles, not groups; the others are the insides of signing in.
for row in (Group, Association, Nonce, UserSocialAuth, AccessLog, AccessFailureLog):
    try:
        admin.site.unregister(row)
    except NotRegistered:
        continue


@admin.register(User)
class UserAdmin(Searched, DjangoUserAdmin):  # type: ignore[type-arg]  # Django's own is not generic when the program runs
    """Accounts. They are closed, not deleted: what a person did stays theirs."""

    list_display = ("username", "display_name", "email", "role", "is_active", "signs_in_by", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("username", "first_name", "last_name", "email")
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("role", "is_active")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "role", "usable_password", "password1", "password2")}),
    )

    @admin.display(description="Name")
    def display_name(self, user: User) -> str:
        return user.get_full_name() or NOTHING

    @admin.display(description="Signs in by")
    def signs_in_by(self, user: User) -> str:
        return "password" if user.has_usable_password() else "hospital account"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """An administrator cannot shut the door behind themselves."""
        own = ("role", "is_active") if obj is not None and obj.pk == request.user.pk else ()
        return (*self.readonly_fields, *own)

    def save_model(self, request: HttpRequest, user: User, form: Any, change: bool) -> None:
        """Save, and write down what was changed (never a password)."""
        super().save_model(request, user, form, change)
        actor = request.user if isinstance(request.user, User) else None
        if not change:
            audit.record(actor, "account made", user, role=user.role)
        elif form.changed_data:
            before = {field: form.initial.get(field) for field in ("role", "is_active") if field in form.changed_data}
            after = {field: getattr(user, field) for field in before}
            audit.record(actor, "account changed", user, fields=sorted(form.changed_data), before=before, after=after)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Set somebody's password, and write down that it was done."""
        response = super().user_change_password(request, id, form_url)
        if (
            request.method == "POST"
            and response.status_code == 302
            and (user := self.get_object(request, id)) is not None
        ):
            audit.record(request.user if isinstance(request.user, User) else None, "password set", user)
        return response


@admin.register(AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    """Who did what to which row, when. Written, never changed."""

    list_display = ("at", "actor", "action", "row_kind", "row_id", "details")
    list_select_related = ("actor",)
    list_filter = ("action", "row_kind", ("actor", admin.RelatedOnlyFieldListFilter))
    search_fields = ("actor__username", "=row_id")
    search_help_text = "Account, or the id of the row."
    date_hierarchy = "at"


@admin.register(UserSocialAuth)
class HospitalAccountAdmin(LookOnly, Searched):
    """Which hospital account (Auth0) belongs to which account here."""

    list_display = ("user", "provider", "identifier", "created")
    list_select_related = ("user",)
    search_fields = ("user__username", "=uid")
    fields = ("user", "provider", "identifier", "created", "modified")
    readonly_fields = ("identifier",)

    @admin.display(description="Auth0's id")
    def identifier(self, row: Any) -> str:
        return format_html("<code>{}</code>", row.uid)
