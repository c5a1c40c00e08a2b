"""Documents that arrive from outside: what each may hold stands at its fields."""
