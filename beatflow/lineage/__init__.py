"""Where sounds come from, followed through all that they were made of: licences, and making them again."""
