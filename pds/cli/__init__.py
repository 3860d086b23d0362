"""pdsadmin: the operator's commands."""
