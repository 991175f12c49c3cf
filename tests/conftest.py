import pytest

from qfb_gpu.backend import get_backend
from qfb_gpu.errors import BackendUnavailableError


def pytest_addoption(parser):
    parser.addoption(
        "--require-gpu", action="store_true", help="fail, not skip, where there is no GPU"
    )


@pytest.fixture(params=["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def backend(request):
    try:
        return get_backend(request.param)
    except BackendUnavailableError as error:
        if request.config.getoption("--require-gpu"):
            pytest.fail(f"--require-gpu: {error}")
        pytest.skip(str(error))


@pytest.fixture
def cpu():
    return get_backend("cpu")
