"""One test that fails."""


def test_one(pytestconfig):
    customer = "Grace"
    assert not pytestconfig.getoption("--own"), customer
