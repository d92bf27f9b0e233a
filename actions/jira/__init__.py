"""Follow-up actions in Jira, Cloud and Data Center."""
