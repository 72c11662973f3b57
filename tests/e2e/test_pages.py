"""Every page at every width, light and dark: no accessibility violation, no broken policy, no sideways scrolling.

With `--pictures FOLDER`, each is photographed: `make e2e ARGS="--pictures /tmp/pictures -k every_page"`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserType, Page, expect

from tests import cast
from tests.e2e import machines
from tests.e2e.conftest import Watch, sign_in

# name: address; {NAME} is the seeded scan's id, {NAME.study} its study's
PAGES = {
    "list": "/scans/",
    "list-nothing-found": "/scans/?q=nobody",
    "upload": "/scans/new/",
    "help": "/help/",
    "account": "/accounts/",
    "result-tumour": "/scans/{tumour}/",
    "result-no-tumour": "/scans/{no_tumour}/",
    "result-uncertain": "/scans/{uncertain}/",
    "result-refused": "/scans/{refused}/",
    "result-failed": "/scans/{failed}/",
    "result-series": "/scans/{series}/",
    "result-two-lesions": "/scans/{two}/",
    "study": "/studies/{several.study}/",
}
ADMIN = {
    "admin-index": "/admin/",
    "admin-scans": "/admin/detection/scan/",
    "admin-scan": "/admin/detection/scan/{tumour}/change/",
    "admin-studies": "/admin/detection/study/",
    "admin-analyses": "/admin/detection/analysis/",
    "admin-users": "/admin/detection/user/",
    "admin-audit": "/admin/detection/auditentry/",
}
# Faults in Django admin's own templates, which are not ours to change. Everything of ours there is still checked.
DJANGO_ADMIN_RULES = {
    "empty-table-header",
    "heading-order",
    "label-title-only",
    "landmark-complementary-is-top-level",
    "landmark-unique",
    "link-in-text-block",
    "region",
    "scrollable-region-focusable",
}
WIDTHS = (1440, 390, 320)


@pytest.fixture(params=["light", "dark"])
def looks(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[str, Page, Watch]]:
    """A page in one theme, watched."""
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1440, "height": 900})
    watch = Watch(context)
    yield request.param, context.new_page(), watch
    context.close()
    assert not watch.unexpected(), "\n".join(watch.unexpected())


def address(pattern: str, served: machines.Brainscan) -> str:
    for name, ids in served.seeded.items():
        pattern = pattern.replace(f"{{{name}}}", ids["scan"]).replace(f"{{{name}.study}}", ids["study"])
    return served.address + pattern


def look(
    page: Page, watch: Watch, name: str, theme: str, pictures: Path | None, forgiven: Collection[str] = ()
) -> list[str]:
    """What is wrong with the page that is open, at every width."""
    wrong = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900 if width > 400 else 844})
        page.wait_for_timeout(150)
        if pictures is not None:
            page.screenshot(path=pictures / f"{name}-{theme}-{width}.png", full_page=True)
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if beyond > 0 and not name.startswith("admin-"):
            wrong.append(f"{name} scrolls sideways by {beyond} px at {width}")
        if width == 320:
            continue
        # axe looks into styles in ways that our policy forbids, and says so on the console: not the page's fault.
        watch.paused = True
        violations = Axe().run(page).response["violations"]
        page.wait_for_timeout(100)
        watch.paused = False
        for violation in violations:
            if violation["id"] not in forgiven:
                where = ", ".join(node["html"][:160] for node in violation["nodes"][:3])
                wrong.append(f"{name} at {width}, {theme}: {violation['id']}: {violation['help']}: {where}")
    return wrong


def test_every_page(looks: tuple[str, Page, Watch], served: machines.Brainscan, pictures: Path | None) -> None:
    theme, page, watch = looks
    page.goto(f"{served.address}/accounts/login/")
    wrong = look(page, watch, "login", theme, pictures)
    sign_in(page, served)
    for name, pattern in PAGES.items():
        answer = page.goto(address(pattern, served))
        assert answer is not None
        assert answer.status == 200, name
        page.wait_for_load_state("networkidle")
        wrong += look(page, watch, name, theme, pictures)
    assert not wrong, "\n".join(wrong)


def test_an_empty_list(looks: tuple[str, Page, Watch], served: machines.Brainscan, pictures: Path | None) -> None:
    theme, page, watch = looks
    sign_in(page, served, "newcomer", cast.PASSWORD)
    wrong = look(page, watch, "list-empty", theme, pictures)
    assert not wrong, "\n".join(wrong)


def test_every_admin_page(looks: tuple[str, Page, Watch], served: machines.Brainscan, pictures: Path | None) -> None:
    theme, page, watch = looks
    sign_in(page, served, "admin", machines.ADMIN_PASSWORD)
    wrong = []
    for name, pattern in ADMIN.items():
        answer = page.goto(address(pattern, served))
        assert answer is not None
        assert answer.status == 200, name
        page.wait_for_load_state("networkidle")
        wrong += look(page, watch, name, theme, pictures, DJANGO_ADMIN_RULES)
    assert not wrong, "\n".join(wrong)


def test_every_refusal(looks: tuple[str, Page, Watch], served: machines.Brainscan, pictures: Path | None) -> None:
    theme, page, watch = looks
    watch.expected = ("404 (Not Found)", "403 (Forbidden)")
    sign_in(page, served)
    wrong = []
    for name, pattern, status in (
        ("not-found", "/scans/00000000-0000-4000-8000-000000000000/", 404),
        ("forbidden", "/admin/", 403),
    ):
        answer = page.goto(served.address + pattern)
        assert answer is not None
        assert answer.status == status
        wrong += look(page, watch, name, theme, pictures)
    assert not wrong, "\n".join(wrong)


def test_text_of_twice_the_size(
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
    served: machines.Brainscan,
    pictures: Path | None,
) -> None:
    """As a browser's own setting makes it: sizes in rem and the widths that layouts change at grow with it."""
    flags = [*browser_type_launch_args["args"], "--blink-settings=defaultFontSize=32"]
    large = browser_type.launch(**{**browser_type_launch_args, "args": flags})
    try:
        page = large.new_page()
        sign_in(page, served)
        wrong = []
        for name, pattern in PAGES.items():
            page.goto(address(pattern, served))
            for width in (1440, 390):
                page.set_viewport_size({"width": width, "height": 900})
                page.wait_for_timeout(150)
                if pictures is not None:
                    page.screenshot(path=pictures / f"{name}-large-text-{width}.png", full_page=True)
                beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                if beyond > 0:
                    wrong.append(f"{name} scrolls sideways by {beyond} px at {width} with large text")
    finally:
        large.close()
    assert not wrong, "\n".join(wrong)


def test_on_paper_the_banner_is_black_and_what_is_folded_is_open(
    browser: Browser, served: machines.Brainscan, pictures: Path | None
) -> None:
    context = browser.new_context(viewport={"width": 1000, "height": 1400})
    page = context.new_page()
    sign_in(page, served)
    page.goto(address(PAGES["result-two-lesions"], served))
    page.emulate_media(media="print")
    colour = page.locator(".banner p").first.evaluate("element => getComputedStyle(element).color")
    assert colour == "rgb(0, 0, 0)"
    expect(page.get_by_text("Diameters: the longest on an axial slice")).to_be_visible()
    expect(page.locator(".prov dt", has_text="Weights").first).to_be_visible()
    if pictures is not None:
        page.screenshot(path=pictures / "result-two-lesions-print.png", full_page=True)
    context.close()


def test_forced_colours_still_show_the_current_page_and_the_outline(
    browser: Browser, served: machines.Brainscan, pictures: Path | None
) -> None:
    context = browser.new_context(forced_colors="active", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    sign_in(page, served)
    edge = "element => getComputedStyle(element).borderBottomColor"
    here, other = page.locator("header nav a[aria-current]"), page.locator("header nav a:not([aria-current])").first
    assert here.evaluate(edge) != other.evaluate(edge)
    page.goto(address(PAGES["result-series"], served))
    colour = page.locator("scan-viewer .mk").first.evaluate("element => getComputedStyle(element).stroke")
    assert colour == "rgb(255, 138, 61)"
    if pictures is not None:
        page.screenshot(path=pictures / "result-series-forced-colours-1440.png", full_page=True)
    context.close()
