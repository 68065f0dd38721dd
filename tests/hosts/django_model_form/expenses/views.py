"""Pages."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from .forms import ClaimForm
from .models import Claim


@login_required  # type: ignore[untyped-decorator]
def new_claim(request: HttpRequest) -> HttpResponse:
    form = ClaimForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.instance.owner = request.user
        claim = form.save()
        messages.success(request, f"Saved: {claim.purpose}")
        return redirect("claims")
    return render(request, "claim.html", {"form": form})


@login_required  # type: ignore[untyped-decorator]
def claims(request: HttpRequest) -> HttpResponse:
    return render(request, "claims.html", {"claims": Claim.objects.filter(owner=request.user)})
