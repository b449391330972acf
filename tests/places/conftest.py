"""A bucket for all tests of places; each has a prefix of its own, since every bucket costs SeaweedFS volumes."""

import pytest

from tests.servers import S3


@pytest.fixture(scope="session")
def bucket(s3: S3) -> str:
    """The bucket's name."""
    return s3.bucket()
