# SPDX-License-Identifier: Apache-2.0
"""/docs in a browser."""
import page as pages
import pytest


@pytest.fixture
def docs(browser, server):
    docs = pages.Page(browser, server.url, "/docs")
    yield docs
    assert docs.errors() == []


@pytest.mark.parametrize("width", [320, 412, 1280])
def test_the_description_needs_no_sideways_scrolling(docs, width):
    docs.be_a_phone(width)
    assert docs.js("return [document.documentElement.scrollWidth, innerWidth]") == [width, width]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_description_reads_well_by_day_and_by_night(docs, scheme):
    docs.prefer("prefers-color-scheme", scheme)
    assert (pages.luminance(docs.style("body", "backgroundColor")) < 0.1) == (scheme == "dark")
    for part in ("body p", "nav a", "th", "td", "td code", "pre", "h2", "h3", "figcaption", ".method"):
        assert docs.contrast_of(part) >= 4.5, part


def test_the_description_has_the_landmarks_and_headings_that_readers_go_by(docs):
    assert len(docs.all("main")) == len(docs.all("h1")) == 1 and len(docs.all("nav[aria-label]")) == 1
    levels = docs.js("return [...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.localName[1]))")
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels


def test_every_link_within_the_description_leads_somewhere(docs):
    lost = docs.js("return [...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.hash.slice(1)).filter(id => !document.getElementById(id))")
    assert lost == [] and len(docs.all("nav a")) > 10
