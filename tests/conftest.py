"""What holds for all tests."""

import pytest
from hypothesis import settings

from tests.certificates import Authority

# A slow moment of the machine is no failure.
settings.register_profile("mcpmesh", deadline=None)
settings.load_profile("mcpmesh")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
