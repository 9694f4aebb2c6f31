"""Op declarations: schema, shape, gradient of each op in one place, and the public functions. Pure Python."""
