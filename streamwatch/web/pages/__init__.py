"""The pages of the console, one module a page. Each has `ROUTES`, a list of what `page` returns."""
