"""A client that is created before a fork, as in a server that loads the application and then forks its workers."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Literal

import pytest

from target_delivery.options import DecisioningMethodName
from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.faults import Latency

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

ROUNDS = int(os.environ.get("FORK_ROUNDS", "5"))
"""How many times a test forks right after a client was made."""

PROGRAM = """
import os, threading
from target_delivery import DeliveryRequest, MboxRequest, PrefetchRequest, TargetClient

client = TargetClient.create({options!r})

def offers(count, **more):
    for number in range(count):
        request = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
        answer = client.get_offers({{"request": request, "session_id": f"{{os.getpid()}}-{{number}}", **more}})
        yield answer

def decided(answer):
    return answer.response.prefetch.mboxes[0].options[0].content

def in_child(work):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = work()
        finally:
            os._exit(code)
    return pid

def require_all(children):
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
"""


def run(options: object, program: str, first: str = "") -> None:
    text = f"{first}\n{PROGRAM.format(options=options)}{textwrap.dedent(program)}"
    ran = subprocess.run([sys.executable, "-X", "dev", "-c", text], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


def test_a_fork_without_a_free_descriptor_still_holds_the_locks(edge: Sandbox) -> None:
    run(
        edge.client_options(),
        """
        import resource, sys

        sys.unraisablehook = lambda _: os._exit(1)  # Python ignores the exceptions of hooks
        held = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        try:
            while True:
                held.append(os.dup(0))
        except OSError:
            pass

        def work():
            for one in held:
                os.close(one)
            return decided(next(offers(1))) is None

        require_all([in_child(work)])
        """,
    )


def test_parent_and_children_use_connections_and_threads_of_their_own(edge: Sandbox) -> None:
    run(
        edge.client_options(),
        """
        expected = decided(next(offers(1)))
        seen = threading.Event()
        next(offers(1, callback=lambda answer: seen.set())).get(10)

        def work():
            assert [decided(answer) for answer in offers(20)] == [expected] * 20
            told = threading.Event()
            (result,) = offers(1, callback=lambda answer: told.set())
            assert decided(result.get(10)) == expected
            assert told.wait(10)
            client.close()
            return 0

        children = [in_child(work) for _ in range(4)]
        assert [decided(answer) for answer in offers(50)] == [expected] * 50
        require_all(children)
        client.close()
        """,
    )
    assert edge.ledger.requests == 2 + 4 * 21 + 50
    assert edge.ledger.impressions.total() == 0


def test_a_fork_amid_calls_of_other_threads(edge: Sandbox) -> None:
    run(
        edge.client_options(),
        """
        # Import everything first: a fork while another thread imports a module can deadlock the child.
        next(offers(1, callback=print)).get(10)
        done = threading.Event()

        def call():
            while not done.is_set():
                list(offers(1))
                next(offers(1, callback=print)).get(10)

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            require_all([in_child(lambda: len(list(offers(2))) - 2)])
        done.set()
        for thread in threads:
            thread.join()
        client.close()
        """,
    )


def test_a_child_keeps_its_artifact_fresh_itself(edge: Sandbox) -> None:
    """A child starts a poller when it first decides, because most children never decide."""
    run(
        edge.client_options("on-device"),
        """
        def poller():
            return [one.name for one in threading.enumerate()].count("target-delivery-artifact")

        assert client.wait_until_ready(10)
        expected = decided(next(offers(1)))
        assert poller() == 1

        def work():
            assert poller() == 0
            assert decided(next(offers(1))) == expected
            assert poller() == 1
            client.close()
            return poller()

        require_all([in_child(work) for _ in range(3)])
        assert poller() == 1
        client.close()
        """,
    )


def test_threads_that_fork_at_the_same_time_do_not_block_one_another(edge: Sandbox) -> None:
    run(
        edge.client_options(),
        """
        import sys

        sys.setswitchinterval(1e-6)  # lets threads meet in the middle of a fork

        def fork_often():
            for _ in range(40):
                os.waitpid(in_child(lambda: 0), 0)

        threads = [threading.Thread(target=fork_often, daemon=True) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(40)
        assert not any(one.is_alive() for one in threads)
        """,
    )


def test_a_fork_amid_a_call_with_a_callback_whatever_is_imported_first(edge: Sandbox) -> None:
    run(
        edge.client_options(),
        """
        done = False

        def call_often():
            while not done:
                next(offers(1, callback=lambda answer: None)).get(10)

        thread = threading.Thread(target=call_often, daemon=True)
        thread.start()
        for _ in range(200):
            require_all([in_child(lambda: 0)])
        done = True
        thread.join(10)
        assert not thread.is_alive()
        """,
        first="from target_delivery import AsyncTargetClient",
    )


@pytest.mark.parametrize("kind", ["on-device", "hybrid", "server-side", "outbox"])
def test_children_that_are_forked_right_after_create_answer_in_time(
    edge: Sandbox, tmp_path: Path, kind: Literal["on-device", "hybrid", "server-side", "outbox"]
) -> None:
    """A thread of the parent may be in the middle of anything, so each round takes a new interpreter."""
    method: DecisioningMethodName = "server-side" if kind == "outbox" else kind
    options: dict[str, Any] = {**edge.client_options(method), "timeout": 5000}
    program = f"""
        import random, time

        outbox = None
        if {kind == "outbox"}:
            from target_delivery.outbox import NotificationOutbox, SQLiteStore
            outbox = NotificationOutbox(client, store=SQLiteStore({str(tmp_path / "outbox")!r} + str(os.getpid())))
        if {kind == "server-side"}:
            next(offers(1, callback=lambda answer: None))

        def work():
            started = time.monotonic()
            assert len(list(offers(3))) == 3
            assert time.monotonic() - started < 5
            assert next(offers(1, callback=lambda answer: None)).get(5) is not None
            if outbox is not None:
                from target_delivery import MetricType, Notification
                request = DeliveryRequest(notifications=[Notification(id="n", type=MetricType.DISPLAY, timestamp=1)])
                outbox.send_notifications({{"request": request}})
            return 0

        children = []
        for _ in range(4):
            time.sleep(random.random() * 0.00125)
            children.append(in_child(work))
        require_all(children)
        if outbox is not None:
            outbox.close(1)
        client.close()
        """
    for _ in range(ROUNDS):
        run(options, program)


def test_a_fork_imports_everything_that_a_thread_of_the_sdk_imports_late(edge: Sandbox) -> None:
    first = """
        import sys, threading

        class Recorder:
            found = []

            def find_spec(self, name, path=None, target=None):
                if threading.current_thread() is not threading.main_thread():
                    self.found.append((threading.current_thread().name, name))

        sys.meta_path.insert(0, Recorder())
        """
    for method in ("on-device", "hybrid", "server-side"):
        options: dict[str, Any] = {**edge.client_options(method)}  # type: ignore[arg-type]  # one of three
        options["server_domain"] = options["server_domain"].replace("127.0.0.1", "localhost")
        run(
            options,
            """
            from target_delivery import ExecuteRequest
            require_all([in_child(lambda: 0)])
            Recorder.found.clear()  # A poller may have imported something before the fork.
            request = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
            assert client.wait_until_ready(10)
            client.get_offers({"request": request, "callback": lambda answer: None}).get(10)
            assert client.flush(10) == 0
            client.close()
            assert Recorder.found == [], Recorder.found
            """,
            first=textwrap.dedent(first),
        )


def test_a_child_leaves_the_reports_of_its_parent_to_the_parent(edge: Sandbox) -> None:
    edge.faults.add(Latency(500), times=None)
    run(
        edge.client_options("on-device"),
        """
        from target_delivery import ExecuteRequest
        told = []
        client.config.events["send_notification_error"] = told.append
        request = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
        assert client.wait_until_ready(10)
        client.get_offers({"request": request})
        assert client.flush(0) == 1

        def work():
            assert client.flush(0) == 0
            client.close(0)
            return len(told)

        require_all([in_child(work)])
        assert client.flush(10) == 0
        assert told == []
        client.close()
        """,
    )
    assert edge.ledger.impressions.total() == 1


def test_the_reports_of_a_multiprocessing_child_are_sent_before_it_ends(edge: Sandbox) -> None:
    run(
        edge.client_options("on-device"),
        """
        import multiprocessing
        from target_delivery import ExecuteRequest

        def execute():
            request = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
            client.get_offers({"request": request})

        assert client.wait_until_ready(10)
        child = multiprocessing.get_context("fork").Process(target=execute)
        child.start()
        child.join(10)
        assert child.exitcode == 0
        client.close()
        """,
    )
    assert edge.ledger.impressions.total() == 1


def test_an_asyncio_client_works_in_a_child_of_a_running_event_loop(edge: Sandbox) -> None:
    program = f"""
        import asyncio, os
        from target_delivery import AsyncTargetClient, DeliveryRequest, ExecuteRequest, MboxRequest
        told = []

        async def execute():
            request = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
            return await client.get_offers({{"request": request}})

        async def in_child():
            assert (await execute()).meta["decisioning_method"] == "on-device"
            assert await client.flush(10) == 0
            await client.close()

        async def fork():
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    asyncio._set_running_loop(None)
                    asyncio.run(in_child())
                    code = len(told)
                finally:
                    os._exit(code)
            assert (await asyncio.to_thread(os.waitpid, pid, 0))[1] == 0

        async def main():
            global client
            options = {edge.client_options("on-device")!r} | {{"events": {{"send_notification_error": told.append}}}}
            client = AsyncTargetClient.create(options)
            await fork()
            await client.wait_until_ready(10)
            await execute()
            await fork()
            assert await client.flush(10) == 0
            await client.close()

        asyncio.run(main())
        """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert edge.ledger.impressions.total() == 3
