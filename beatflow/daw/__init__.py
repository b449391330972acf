"""A track for other programs: projects of digital audio workstations, tagged files, archives."""
