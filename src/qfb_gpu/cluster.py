"""Bucket tasks over processes or GPUs.

A task is ``task(shared, bucket)``: a module-level function that reads and writes files and gives
back a few counts, so nothing large travels. What is not by bucket may be a task, too: it has a
name instead of a bucket's number. With one worker, or one bucket, it runs in this
process. Otherwise a Dask cluster on this machine runs it: processes on a CPU, one process per
device on GPUs. A worker that dies costs its bucket, which another worker starts afresh.

A device has more than one bucket under way: while the host decodes or saves one, the device
computes another. One for which there was no memory then is done again alone, or by the host
(:mod:`qfb_gpu._cluster.short_device`). What the host does by itself in a night on GPUs goes to
processes of its own.
"""

from __future__ import annotations

import pickle
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from qfb_gpu._backend import ahead, device_ahead, room
from qfb_gpu._backend.devices import capability, n_threads
from qfb_gpu._cluster import dask_workers, fork_server, short_device
from qfb_gpu._cluster.dask_workers import MAX_DEATHS
from qfb_gpu._cluster.short_device import Done
from qfb_gpu.errors import QfbError, is_failure, warn_caller
from qfb_gpu.starting import importing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from contextlib import AbstractContextManager

    from qfb_gpu.backend import BackendName

    Task = Callable[[Any, Any], Any]

_PATIENCE_SECONDS = 30
_HOST_FITS = 8
"""Parts of a night that the host of a device fits for longer than a moment."""


@dataclass(frozen=True, slots=True)
class Running:
    """Tasks that a pool was given, to be iterated over once: ``(bucket, answer)`` of each.

    Without workers a task runs when its answer is asked for.
    """

    answers: Iterator[tuple[Any, Any]]
    futures: tuple[Any, ...] = ()

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Return the answers as they come, in any order."""
        return self.answers


class Pool:
    """Workers that stay up between the stages of a run; see :func:`open_pool`."""

    def __init__(self, client: Any = None, n_at_once: int = 1, *, on_device: bool = False) -> None:
        self._client = client
        self._n_at_once = n_at_once
        self._perform = short_device.perform if on_device else _simply

    @property
    def has_workers(self) -> bool:
        """Whether tasks run in other processes, while this one waits."""
        return self._client is not None

    def run(self, task: Task, shared: Any, buckets: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield ``(bucket, task(shared, bucket))`` as the buckets get done, in any order.

        Parameters
        ----------
        task : callable
            Importable by name in another process; must bear being started again.
        shared : object
            What every bucket needs to know; small and picklable.
        buckets : sequence of int or str
            Numbers of buckets, or names of what else is to be done.

        Raises
        ------
        QfbError
            What a task raised on purpose, with its bucket in front.
        RuntimeError
            A task failed otherwise, or its workers died too often: its bucket and the reason.

        Warns
        -----
        RuntimeWarning
            In a line, when all are done: those for which a device had no memory.
        """
        yield from self.start(task, shared, buckets, together=True)

    def start(
        self,
        task: Task,
        shared: Any,
        buckets: Sequence[Any],
        after: Running | None = None,
        *,
        together: bool = False,
    ) -> Running:
        """Give tasks to the workers and return at once; see :meth:`run`.

        In one process they run one after the other, as a task may use libraries that promise
        nothing about threads.

        Parameters
        ----------
        after : Running, optional
            Tasks that have to be done before these begin. Those go before all that wait already,
            as more hangs on them. Without workers the caller asks for the earlier answers first.
        together : bool
            Tasks that use no such library: as many side by side as the device has buckets under
            way.
        """
        if self._client is None:
            here = partial(_in_this_process, partial(self._perform, task, shared))
            if together and self._n_at_once > 1:
                return Running(_told(_on_threads(here, buckets, self._n_at_once)))
            return Running(_told((b, here(b)) for b in buckets))
        before = () if after is None else after.futures
        work = (self._perform, task, shared, not together)
        futures = _submit(self._client, work, buckets, before)
        return Running(_told(_answers(self._client, futures)), tuple(futures))


@contextmanager
def open_pool(
    backend_name: BackendName, workers: int | Literal["auto"], n_buckets: int
) -> Iterator[Pool]:
    """Start the workers of a run and stop them when the block is left, however it is left.

    Parameters
    ----------
    backend_name : {"cpu", "gpu"}
    workers : int or "auto"
        Processes on a CPU ("auto": one a core), devices on a GPU ("auto": all).
    n_buckets : int
        There are never more workers than buckets.
    """
    n_workers, on_device = count_workers(backend_name, workers, n_buckets), backend_name == "gpu"
    if n_workers == 1:
        yield Pool(n_at_once=buckets_at_once(backend_name), on_device=on_device)
        return
    at_once = buckets_at_once(backend_name, n_workers)
    with dask_workers.client_of(backend_name, n_workers, at_once) as client:
        yield Pool(client, on_device=on_device)


def prepare_workers(
    backend_name: BackendName,
    workers: int | Literal["auto"],
    n_buckets: int,
    modules: Sequence[str],
) -> None:
    """Import what the workers of :func:`open_pool` will need, once for all, beside this process.

    On GPUs those of :func:`open_host_pool`.

    Parameters
    ----------
    modules : sequence of str
        Of which none may start a thread or touch a device: workers are forked from what imports
        them.
    """
    if backend_name == "gpu" and workers != 1:
        workers, n_buckets = "auto", _host_tasks(n_buckets)
    if (n := count_workers("cpu", workers, n_buckets)) > 1:
        dask_workers.start_fork_server(n, modules)


@contextmanager
def workers_forgotten() -> Iterator[None]:
    """End what :func:`prepare_workers` or a pool started and left when the block is left."""
    try:
        yield
    finally:
        fork_server.stop()


def compiled_ahead(backend_name: BackendName) -> AbstractContextManager[None]:
    """Compile a night's kernels in processes beside it while the block runs.

    For the host, or for the device of this process. Nothing is started where they are compiled.
    """
    if backend_name == "cpu":
        return ahead.beside()
    return device_ahead.beside(capability())


def threads_of_this_process() -> Pool:
    """Return a pool for tasks that mostly read and write files: no worker has to be started."""
    return Pool(n_at_once=n_threads())


@contextmanager
def open_host_pool(
    pool: Pool, backend_name: BackendName, workers: int | Literal["auto"], n_buckets: int
) -> Iterator[Pool]:
    """Give workers for tasks that need no device: ``pool``, or on a GPU processes of their own.

    With ``workers`` of 1 everything stays in this process.
    """
    if backend_name == "cpu" or workers == 1:
        yield pool
        return
    with open_pool("cpu", "auto", _host_tasks(n_buckets)) as own:
        yield own


def _host_tasks(n_buckets: int) -> int:
    """Return for how many tasks at a time the host of a device has processes, if cores allow.

    A device's buckets are large and few, while parts are fitted side by side, too.
    """
    return max(n_buckets, _HOST_FITS) if n_buckets > 1 else n_buckets


def run_buckets(
    task: Task,
    shared: Any,
    buckets: Sequence[int],
    *,
    backend_name: BackendName,
    workers: int | Literal["auto"],
) -> Iterator[tuple[int, Any]]:
    """Run one task over all buckets with workers of its own; see :meth:`Pool.run`."""
    with open_pool(backend_name, workers, len(buckets)) as pool:
        yield from pool.run(task, shared, buckets)


def buckets_at_once(backend_name: BackendName, n_workers: int = 1) -> int:
    """Return how many buckets a worker has under way: on a CPU one, as a core has no more to give.

    On a GPU some, by its cores, or what the environment variable ``QFB_DEVICE_THREADS`` says.
    """
    return 1 if backend_name == "cpu" else room.buckets_under_way(n_workers)


def count_workers(backend_name: BackendName, workers: int | Literal["auto"], n_buckets: int) -> int:
    """Return how many workers a run gets: at least one, never more than buckets."""
    if workers == 1 or n_buckets <= 1:
        return 1
    if backend_name == "gpu":
        wanted = _n_devices() if workers == "auto" else min(workers, _n_devices())
    else:
        wanted = n_threads() if workers == "auto" else workers
    return max(1, min(wanted, n_buckets))


def _simply(task: Task, shared: Any, bucket: Any) -> Done:
    return Done(task(shared, bucket))


def _in_this_process(work: Callable[[Any], Done], bucket: Any) -> Done:
    try:
        return work(bucket)
    except Exception as error:
        raise _failure(bucket, error) from error


def _on_threads(
    work: Callable[[Any], Done], buckets: Sequence[Any], n_threads: int
) -> Generator[tuple[Any, Done]]:
    """Run tasks side by side."""
    with ThreadPoolExecutor(n_threads, "qfb-bucket") as threads:
        futures = {threads.submit(work, b): b for b in buckets}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            threads.shutdown(cancel_futures=True)


def _told(done: Generator[tuple[Any, Done]]) -> Iterator[tuple[Any, Any]]:
    """Yield the answers; at the end warn of those that the host had to give."""
    by_host = []
    with closing(done):
        for bucket, one in done:
            if one.by_host:
                by_host.append(bucket)
            yield bucket, one.answer
    if by_host:
        by_host.sort(key=lambda bucket: (isinstance(bucket, str), bucket))  # not as they ended
        said = short_device.in_a_line([_named(bucket) for bucket in by_host])
        warn_caller(said, RuntimeWarning)


def _submit(
    client: Any, work: tuple[Any, ...], buckets: Sequence[Any], before: Sequence[Any] = ()
) -> dict[Any, Any]:
    """Return the future of each bucket."""
    payload = pickle.dumps(work)
    arguments = [[value] * len(buckets) for value in before]
    futures = client.map(  # with no time in which what is given later is as urgent
        _perform, [payload] * len(buckets), buckets, *arguments,
        pure=False, priority=len(before), fifo_timeout=0,
    )  # fmt: skip
    return dict(zip(futures, buckets, strict=True))


def _answers(client: Any, futures: dict[Any, Any]) -> Generator[tuple[Any, Done]]:
    """Yield the answers as they come; leave nothing running when the caller stops asking."""
    done: SimpleQueue[Any] = SimpleQueue()
    try:
        for future in list(futures):
            future.add_done_callback(done.put)
        while futures:
            future = _next_done(done, client)
            bucket = futures.pop(future)
            if (lost := future.exception()) is not None:
                raise _failure(bucket, lost) from lost
            answer, error = future.result()
            if error is not None:
                raise _failure(bucket, error) from error
            yield bucket, answer
    finally:
        client.cancel(list(futures))


def _perform(
    payload: bytes, bucket: int | str, *before: tuple[Any, Exception | None]
) -> tuple[Done | None, Exception | None]:
    """Run a task on a worker; return its answer, or its error in a form that travels.

    Dask drops the connection to a worker that meets something it cannot unpickle, and waits
    for ever; so what crosses between processes is bytes and plain errors.
    """
    for _, error in before:
        if error is not None:
            return None, error  # the one that failed is asked for first, and names itself
    try:
        with importing():
            perform, task, shared, in_turn = pickle.loads(payload)  # noqa: S301  of _submit
        with _IN_TURN if in_turn else nullcontext():
            return perform(task, shared, bucket), None
    except QfbError as error:
        return None, type(error)(str(error))
    except BaseException as error:
        if not is_failure(error):
            raise
        text = "".join(traceback.format_exception(error))
        return None, _TaskError(f"{type(error).__name__}: {error}", text)


_IN_TURN = Lock()
"""Held in a worker by a task that shares its process with no other such task."""


class _TaskError(Exception):
    """An error of a task: its type and message, then the worker's traceback."""


def _next_done(done: SimpleQueue[Any], client: Any) -> Any:
    """Wait for the next bucket that is done, as long as there are workers to do one."""
    idle = 0
    while True:
        with suppress(Empty):
            return done.get(timeout=_PATIENCE_SECONDS)
        idle = 0 if client.scheduler_info()["workers"] else idle + 1
        if idle > 1:
            msg = "every worker is gone and none came back; run the same command again to go on"
            raise RuntimeError(msg)


def _failure(bucket: int | str, error: BaseException) -> Exception:
    """Return the error to raise: the same kind where it is one of ours, its bucket in front."""
    where = _named(bucket)
    if isinstance(error, QfbError):
        return type(error)(f"{where}: {error}")
    if isinstance(error, _TaskError):
        return RuntimeError(f"{where}: {error.args[0]}")
    if type(error).__name__ == "KilledWorker":
        return RuntimeError(
            f"{where}: its worker died {MAX_DEATHS + 1} times, most likely for lack of "
            "memory; set fewer workers or more buckets (workers, n_buckets)"
        )
    return RuntimeError(f"{where}: {type(error).__name__}: {error}")


def _named(bucket: int | str) -> str:
    return f"bucket {bucket}" if isinstance(bucket, int) else bucket


def _n_devices() -> int:
    import cupy

    return int(cupy.cuda.runtime.getDeviceCount())
