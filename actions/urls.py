"""URLs of actions."""

from django.urls import path

from actions.views import actions, bulk, dashboard, edit, ideas, matrix, reminders, spreadsheet, views

app_name = "actions"
urlpatterns = [
    path("actions/", actions.actions, name="actions"),
    path("actions/mine/", actions.actions_mine, name="actions-mine"),
    path("actions/dashboard/", dashboard.actions_dashboard, name="actions-dashboard"),
    path("actions/review/", dashboard.actions_review, name="actions-review"),
    path("actions/views/add/", views.view_add, name="view-add"),
    path("actions/views/<int:pk>/remove/", views.view_remove, name="view-remove"),
    path("actions/export.csv", spreadsheet.actions_export, name="actions-export"),
    path("actions/import/", spreadsheet.actions_import, name="actions-import"),
    path("actions/bulk/", bulk.actions_bulk, name="actions-bulk"),
    path("actions/bulk/<int:pk>/undo/", bulk.actions_undo, name="actions-undo"),
    path("actions/reminders/", reminders.reminder_settings, name="reminder-settings"),
    path("actions/answer/<str:token>/", reminders.reminder_answer, name="reminder-answer"),
    path("actions/<int:pk>/reminders/", reminders.reminders_pause, name="reminders-pause"),
    path("actions/<int:pk>/", actions.action, name="action"),
    path("actions/<int:pk>/edit/", edit.action_edit, name="action-edit"),
    path("actions/<int:pk>/status/", edit.action_status, name="action-status"),
    path("actions/<int:pk>/complete/", edit.action_complete, name="action-complete"),
    path("actions/<int:pk>/links/add/", edit.link_add, name="link-add"),
    path("actions/links/<int:pk>/remove/", edit.link_remove, name="link-remove"),
    path("actions/<int:pk>/refuse/", edit.action_refuse, name="action-refuse"),
    path("actions/<int:pk>/delete/", edit.action_delete, name="action-delete"),
    path("postmortems/<int:pk>/actions/", actions.actions_of_postmortem, name="actions-of-postmortem"),
    path("actions/<int:pk>/place/", matrix.action_place, name="action-place"),
    path("actions/ideas/<int:pk>/drop/", ideas.idea_drop, name="idea-drop"),
    path("postmortems/<int:pk>/actions/matrix/", matrix.actions_matrix, name="actions-matrix"),
    path("postmortems/<int:pk>/actions/ideas/add/", ideas.idea_add, name="idea-add"),
    path("postmortems/<int:pk>/actions/add/", edit.action_add, name="action-add"),
]
