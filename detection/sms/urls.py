"""Addresses of this feature."""

from django.urls import path

from detection.sms import views

urlpatterns = [
    path("deliveries/<uuid:delivery_id>/again/", views.send_again, name="send_again"),
    path("deliveries/<uuid:delivery_id>/withdraw/", views.withdraw, name="withdraw_message"),
]
