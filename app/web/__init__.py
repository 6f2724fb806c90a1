"""HTTP: what forges, people and runners reach. Handlers only translate; the work is done in `app.jobs`."""
