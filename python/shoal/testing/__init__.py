"""What the pytest plugin needs once a test is to be measured; see `shoal.pytest_plugin`."""
