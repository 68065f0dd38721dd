"""The host application's part: its hooks, its forms, its login, and the words of its framework."""
