"""A real browser opens the page: its script runs, every table sorts, nothing is wider than the window."""

import shutil
import subprocess
from pathlib import Path
from re import findall, search

import pytest

from analytics.report import render
from analytics.report import render_page as page_bytes
from tests.analytics.test_report import morning
from tests.analytics.test_tear_sheet import sheet

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH: the page is not opened")
WAIT_S = 60
PROBE = """<script>
const out = document.createElement("pre");
const wide = document.documentElement.scrollWidth <= window.innerWidth;
const table = [...document.querySelectorAll("section")].find((s) => s.id === "NAME").querySelector("table");
const head = [...table.tHead.rows[0].cells].findIndex((c) => c.textContent === "COLUMN");
const column = () => [...table.tBodies[0].rows].map((r) => r.cells[head].textContent).join(" ");
const first = (table.tHead.rows[0].cells[head].querySelector("button").click(), column());
const sort = table.tHead.rows[0].cells[head].getAttribute("aria-sort");
const second = (table.tHead.rows[0].cells[head].querySelector("button").click(), column());
out.id = "probe";
out.textContent = JSON.stringify([wide, sort, first, second]);
document.body.append(out);
</script>"""


def opened(html: str, folder: Path, name: str, column: str, width: int) -> str:
    """The page as the browser has it after a probe clicked one head twice."""
    path = folder / "page.html"
    probe = PROBE.replace("NAME", name).replace("COLUMN", column)
    path.write_text(html.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    assert CHROMIUM is not None
    done = subprocess.run(  # the browser of this machine, on a page of ours
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
         f"--window-size={width},900", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=WAIT_S, check=True,
    )  # fmt: skip
    return done.stdout


def probed(dom: str) -> str:
    found = search(r'<pre id="probe">(.*?)</pre>', dom)
    assert found is not None, "the script of the page, or the probe, did not run to its end"
    return found.group(1)


@pytest.mark.parametrize("width", [500, 820, 1280])
def test_the_page_of_a_session_is_no_wider_than_its_window_and_sorts(tmp_path: Path, width: int) -> None:
    dom = opened(render(morning()), tmp_path, "exposure", "Of", width)
    assert '[true,"ascending","book","book"]' == probed(dom)
    for words in ("SIM 2024-03-05", "Open positions", "Reconciliation", "100,047.00"):
        assert words in dom
    assert [] == findall(r'(?:src|href)="https?:', dom)


def test_a_tear_sheet_sorts_numbers_as_numbers(tmp_path: Path) -> None:
    dom = opened(page_bytes(sheet()), tmp_path, "sessions", "Equity", 820)
    assert '[true,"ascending","99,980.00 100,047.00","100,047.00 99,980.00"]' == probed(dom)
