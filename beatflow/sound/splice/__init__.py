"""One sound put together from several versions of it, sample for sample."""
