"""Tests that the package, as it would be published, brings a checkout into fresh shops.

React 18 and 19, Next, Vue and PHP: each shop installs the packed tarball, is built by its own tools, and is paid
in by a customer who reloads meanwhile.
"""

import json
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from local.embedded import LOOPBACK, Valkey, free_port
from tests import ROOT
from tests.harness.browser import PATIENCE, Chromium, Order
from tests.harness.markdown import blocks
from tests.harness.stack import NODE, Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SHOPS = ROOT / "tests" / "browser" / "shops"
FRONTEND = ROOT / "frontend"
ORDER_TOKEN_KEY = "order-token-key-of-the-test-with-enough-bytes"
NPM = str(Path(NODE).parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(NODE).parent}{os.pathsep}{os.environ['PATH']}",
    "NEXT_TELEMETRY_DISABLED": "1",
    "NODE_ENV": "production",
}


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command of Node, and returns what it prints. Fails with that where it fails."""
    done = subprocess.run(
        [NODE, *map(str, command)],
        cwd=cwd,
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packs the package as `npm publish` would."""
    folder = tmp_path_factory.mktemp("packed")
    run(NPM, "pack", "--pack-destination", folder, cwd=FRONTEND)
    (packed,) = folder.glob("braidster-payments-*.tgz")
    return packed


def test_the_packed_package_is_without_fault(tarball: Path) -> None:
    """Checks with publint and attw, under node16, nodenext and bundler. There is no CommonJS, which is said."""
    modules = FRONTEND / "node_modules"
    run(modules / "publint" / "src" / "cli.js", "run", tarball, "--strict", cwd=FRONTEND)
    untyped = ("--exclude-entrypoints", "tracker.css", "braidster-checkout.js")
    attw = modules / "@arethetypeswrong" / "cli" / "dist" / "index.js"
    report = json.loads(run(attw, tarball, "--profile", "esm-only", "--format", "json", *untyped, cwd=FRONTEND))
    assert set(report["analysis"]["entrypoints"]) == {
        *(f"./{name}" for name in ("react", "element", "paymentToasts")),
        ".",
    }
    with tarfile.open(tarball) as packed:
        assert {"package/README.md", "package/LICENSE", "package/package.json"} <= set(packed.getnames())
    assert json.loads((FRONTEND / "package.json").read_text())["repository"]["url"]
    assert (FRONTEND / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


class Shop:
    """A fresh shop's folder, in which the packed package is installed."""

    def __init__(self, folder: Path, tarball: Path, *templates: str) -> None:
        self.folder = folder
        for template in templates:
            shutil.copytree(SHOPS / template, folder, copy_function=_link, symlinks=True, dirs_exist_ok=True)
        # Copied, not linked: npm and Next write into these.
        for name in ("package.json", "package-lock.json", "tsconfig.json"):
            if (folder / name).exists():
                text = (folder / name).read_text()
                (folder / name).unlink()
                (folder / name).write_text(text)
        run(NPM, "install", "--offline", "--no-audit", "--no-fund", tarball, cwd=folder)

    def build(self, tool: str, *arguments: str) -> None:
        run(self.folder / "node_modules" / tool, *arguments, cwd=self.folder)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def readme_code(language: str) -> str:
    """Returns the code of the package's README."""
    (code,) = blocks((FRONTEND / "README.md").read_text("utf-8"), language)
    return code


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stack(port: int) -> Iterator[Stack]:
    """Runs the system for shops at one origin, whose orders are signed."""
    settings = {
        "FRONTEND_URL": f"http://localhost:{port}",
        "ORDER_TOKEN_KEY": ORDER_TOKEN_KEY,
        "SIMULATOR_SLOW_APPROVE_AFTER": "600",
        "CHECK_AGES_SECONDS": "300",
    }
    with Valkey() as redis, running(redis, **settings) as system:
        yield system


def shops_environment(stack: Stack) -> dict[str, str]:
    """What a shop's server is told."""
    api = stack.api.removesuffix("/api/payment")
    return {**ENVIRONMENT, "ORDER_TOKEN_KEY": ORDER_TOKEN_KEY, "API_URL": api, "GATEWAY_URL": stack.gateway}


@contextmanager
def served(folder: Path, port: int, told: Mapping[str, str]) -> Iterator[None]:
    """Serves a built shop, and as `/shop.json` an order that its server signs."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path != "/shop.json":
                return super().do_GET()
            (order_id,) = parse_qs(address.query)["order"]
            claims = {"orderId": order_id, "amount": 5000, "currency": "XAF", "exp": int(time.time()) + 1800}
            token = jwt.encode(claims, ORDER_TOKEN_KEY, algorithm="HS256")
            answer = {"orderToken": token, "apiUrl": told["API_URL"], "gatewayUrl": told["GATEWAY_URL"]}
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())
            return None

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    with ThreadingHTTPServer((LOOPBACK, port), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


@contextmanager
def server(command: list[str | Path], folder: Path, port: int, told: Mapping[str, str]) -> Iterator[None]:
    """Runs a shop's own server."""
    process = subprocess.Popen(command, cwd=folder, env=dict(told), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: _answers(port), "the shop answers", seconds=30)
        yield
    finally:
        process.terminate()
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://{LOOPBACK}:{port}/?order=none", timeout=5).ok
    except requests.ConnectionError:
        return False


def pays_in_it(chromium: Chromium, port: int, order: Order, then: str | None = None) -> None:
    """Pays an order in a shop, reloads meanwhile, and reads the receipt. `then`: what the page has once it is paid."""
    with chromium.customer(f"http://localhost:{port}") as customer:
        page = customer.context.new_page()
        page.goto(f"http://localhost:{port}/?order={order.id}")
        page.fill(".bp-phone", order.phone_number)
        page.click(".bp-pay")
        page.wait_for_selector("[data-picture=checkPhone]", timeout=PATIENCE * 1000)
        page.reload()
        page.wait_for_selector("[data-picture=checkPhone]", timeout=PATIENCE * 1000)
        order.approve()
        page.wait_for_selector("[data-picture=approved]", timeout=PATIENCE * 1000)
        receipt = page.inner_text(".bp-tracker")
        assert order.id in receipt
        assert re.search(r"5\s000", receipt), receipt
        assert order.charges == [5000]
        assert len(order.prompts) == 1
        if then:
            page.wait_for_selector(then, timeout=PATIENCE * 1000)
        if page.query_selector(".bp-continue"):
            page.click(".bp-continue")
            page.wait_for_url(re.compile("thank-you|merci"))


@pytest.mark.parametrize("react", ["react18", "react19"])
def test_a_shop_on_react(
    react: str, tarball: Path, tmp_path: Path, chromium: Chromium, stack: Stack, port: int, order: Order
) -> None:
    """The README's code compiles, under nodenext for React 18, under bundler for React 19, and runs."""
    shop = Shop(tmp_path, tarball, react, "react")
    (tmp_path / "Checkout.tsx").write_text(readme_code("tsx"))
    (tmp_path / "ownScreen.ts").write_text(readme_code("ts"))
    shop.build("typescript/bin/tsc")
    shop.build("vite/bin/vite.js", "build", "--logLevel=warn")
    with served(tmp_path / "dist", port, shops_environment(stack)):
        pays_in_it(chromium, port, order)


def test_a_shop_on_next(
    tarball: Path, tmp_path: Path, chromium: Chromium, stack: Stack, port: int, order: Order
) -> None:
    shop = Shop(tmp_path, tarball, "next")
    (tmp_path / "app" / "Checkout.tsx").write_text(f'"use client";\n\n{readme_code("tsx")}')
    shop.build("next/dist/bin/next", "build")
    start: list[str | Path] = [
        NODE,
        tmp_path / "node_modules" / "next" / "dist" / "bin" / "next",
        "start",
        "--port",
        str(port),
    ]
    with server(start, tmp_path, port, shops_environment(stack)):
        pays_in_it(chromium, port, order)


def test_a_shop_on_vue(
    tarball: Path, tmp_path: Path, chromium: Chromium, stack: Stack, port: int, order: Order
) -> None:
    shop = Shop(tmp_path, tarball, "vue")
    assert not (tmp_path / "node_modules" / "react").exists()
    shop.build("vite/bin/vite.js", "build", "--logLevel=warn")
    with served(tmp_path / "dist", port, shops_environment(stack)):
        pays_in_it(chromium, port, order, then="#told:text('SUCCESSFUL')")


def test_a_shop_on_php(
    tarball: Path, tmp_path: Path, chromium: Chromium, stack: Stack, port: int, order: Order
) -> None:
    """No build and no package manager: the script of the package is copied beside the shop's pages."""
    php = shutil.which("php")
    assert php, "there is no PHP: `make test-browser` brings one"
    shutil.copytree(SHOPS / "php", tmp_path, dirs_exist_ok=True)
    with tarfile.open(tarball) as packed:
        script = packed.extractfile("package/dist-library/braidster-checkout.js")
        assert script is not None
        (tmp_path / "braidster-checkout.js").write_bytes(script.read())
    with server([php, "-S", f"localhost:{port}", "-t", str(tmp_path)], tmp_path, port, shops_environment(stack)):
        pays_in_it(chromium, port, order)
