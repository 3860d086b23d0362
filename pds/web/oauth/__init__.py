"""The machine-facing endpoints of OAuth."""
