"""On a timer: one job per file, the table of them in schedule.py."""
