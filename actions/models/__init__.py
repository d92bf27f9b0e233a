"""What the database holds of actions, split by noun."""

from actions.models.action import UNDATED_LAST as UNDATED_LAST
from actions.models.action import ActionIdea as ActionIdea
from actions.models.action import ActionItem as ActionItem
from actions.models.action import BulkChange as BulkChange
from actions.models.action import WorkLink as WorkLink
from actions.models.jira import HookDelivery as HookDelivery
from actions.models.jira import ItemSync as ItemSync
from actions.models.jira import JiraConnection as JiraConnection
from actions.models.jira import JiraGrant as JiraGrant
from actions.models.jira import JiraMapping as JiraMapping
from actions.models.jira import JiraPerson as JiraPerson
from actions.models.jira import SyncConflict as SyncConflict
from actions.models.jira import SyncEntry as SyncEntry
from actions.models.jira import SyncRun as SyncRun
from actions.models.jira import TokenWarning as TokenWarning
from actions.models.reminder import Notice as Notice
from actions.models.reminder import ReminderPause as ReminderPause
from actions.models.reminder import ReminderSettings as ReminderSettings
from actions.models.view import SavedView as SavedView
