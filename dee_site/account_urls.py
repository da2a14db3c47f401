"""Which address belongs to which page of accounts? Before the stock admin's own, since the login page is ours."""

from django.contrib import admin
from django.urls import path

from dee_site import account_views, login_views, people  # noqa: F401 (registers the pages of users and roles)

view = admin.site.admin_view
app_name = "account"
urlpatterns = [
    path("login/", account_views.Login.as_view(), name="login"),
    path("login/code/", account_views.code, name="code"),
    path("account/", view(account_views.page), name="page"),
    path("account/begin/", view(account_views.begin), name="begin"),
    path("account/confirm/", view(account_views.confirm), name="confirm"),
    path("account/codes/", view(account_views.codes), name="codes"),
    path("account/off/", view(account_views.off), name="off"),
    path("logins/", view(login_views.logins), name="logins"),
    path("logins/<int:pk>/reset/", view(login_views.reset), name="reset"),
    path("logins/locks/<int:pk>/unlock/", view(login_views.unlock), name="unlock"),
]
