"""Which admin site does DEE use?"""

from django.contrib.admin.apps import AdminConfig


class DeeAdminConfig(AdminConfig):
    default_site = "dee_site.admin.DeeAdminSite"
