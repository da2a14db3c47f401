"""Which address belongs to which page of policies?"""

from django.contrib import admin
from django.urls import path

from policies import contact_views, policy_views, suppression_views

view = admin.site.admin_view
app_name = "policies"
urlpatterns = [
    path("contacts/", view(contact_views.contacts), name="contacts"),
    path("contacts/new/", view(contact_views.contact_new), name="contact_new"),
    path("contacts/import/", view(contact_views.contacts_import), name="contacts_import"),
    path("contacts/<str:ref>/", view(contact_views.contact), name="contact"),
    path("contacts/<str:ref>/edit/", view(contact_views.contact_edit), name="contact_edit"),
    path("contacts/<str:ref>/consent/", view(contact_views.grant), name="grant"),
    path("contacts/<str:ref>/withdraw/", view(contact_views.withdraw), name="withdraw"),
    path("consents/", view(contact_views.consents), name="consents"),
    path("suppressions/", view(suppression_views.suppressions), name="suppressions"),
    path("suppressions/add/", view(suppression_views.suppression_add), name="suppression_add"),
    path("suppressions/import/", view(suppression_views.suppressions_import), name="suppressions_import"),
    path("suppressions/<int:pk>/remove/", view(suppression_views.suppression_remove), name="suppression_remove"),
    path("limits/", view(policy_views.limits), name="limits"),
    path("limits/new/", view(policy_views.policy_new), name="policy_new"),
    path("limits/<slug:key>/", view(policy_views.policy), name="policy"),
    path("limits/<slug:key>/edit/", view(policy_views.policy_edit), name="policy_edit"),
    path("limits/<slug:key>/document/", view(policy_views.policy_document), name="policy_document"),
    path("limits/<slug:key>/v/<int:number>/", view(policy_views.policy_version), name="policy_version"),
    path("hours/", view(policy_views.hours), name="hours"),
    path("kill-switch/", view(policy_views.kill_switches), name="kill_switches"),
    path("kill-switch/engage/", view(policy_views.kill_switch_engage), name="kill_switch_engage"),
    path("kill-switch/<int:pk>/release/", view(policy_views.kill_switch_release), name="kill_switch_release"),
]
