"""Paths."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import views

urlpatterns = [
    path("login", LoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("claims", views.claims, name="claims"),
    path("claims/new", views.new_claim, name="new_claim"),
]
