"""One identifier type per file; parse() is the only way to make one."""
