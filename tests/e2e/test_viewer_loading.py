"""Before the voxels are there, and where they never come."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import Viewer


class TestLoading:
    def test_the_first_picture_comes_before_the_voxels_and_stays_if_they_never_come(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        watch.expected = ("503", "Failed to load resource")
        page.route("**/voxels?*", lambda route: route.fulfill(status=503))
        Viewer(page, served).visit("volume")
        expect(page.locator("svg.plain image")).to_be_visible()
        expect(page.locator("[data-hint]")).to_have_text("The voxels could not be loaded. Load the page again.")
        expect(page.locator("svg.plain image")).to_be_visible()
        expect(page.locator("[data-act=mask]")).to_be_hidden()
        page.locator(".slices a[href='?slice=3']").click()
        expect(page.locator("[data-where]")).to_have_text("Slice 3 of 150")

    def test_voxels_that_are_cut_short_are_not_shown_as_black(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        page.route("**/voxels?*", lambda route: route.fulfill(body=b"\0" * 1000))
        Viewer(page, served).visit("volume")
        expect(page.locator("[data-hint]")).to_have_text("The voxels did not arrive whole. Load the page again.")
        expect(page.locator("svg.plain image")).to_be_visible()


class TestOlderScans:
    def test_a_scan_without_voxels_says_what_to_do_and_has_the_viewer_after_it(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        """Analysed before the worker wrote voxels: the slices are there, the tools come with the next run."""
        watch.expected = ("404", "Failed to load resource")
        viewer = Viewer(page, served)
        viewer.visit("older")
        expect(viewer.hint).to_have_text(
            "This scan was analysed before the viewer could show voxels. Analyse it again to use its tools."
        )
        expect(page.locator("svg.plain image")).to_be_visible()
        expect(page.locator("[data-act=mask]")).to_be_hidden()
        page.get_by_role("button", name="Analyse again", exact=True).click()
        expect(page.locator("scan-viewer.is-live")).to_be_attached(timeout=180_000)
        viewer.click("in")
        assert viewer.zoom() == 125
