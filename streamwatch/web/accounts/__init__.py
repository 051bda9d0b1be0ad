"""Who may do what in the console: users, sessions, tokens, passwords, and the audit log."""
