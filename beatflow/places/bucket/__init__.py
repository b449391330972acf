"""A place that is a bucket: S3 and what speaks like it, Google Cloud Storage, Azure. The only importer of obstore."""
