"""Which address belongs to which page of this room? Included under /admin/."""

from django.contrib import admin
from django.urls import path

from channels import views

app_name = "channels"

urlpatterns = [
    path("mailbox/", admin.site.admin_view(views.mailbox), name="mailbox"),
    path("mailbox/<str:intent>/", admin.site.admin_view(views.message), name="message"),
    path("channels/", admin.site.admin_view(views.adapters), name="adapters"),
]
