"""What holds for all tests."""

from hypothesis import settings

# A slow moment of the machine is no failure.
settings.register_profile("mcpmesh", deadline=None)
settings.load_profile("mcpmesh")
