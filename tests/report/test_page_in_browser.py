"""The page as a browser lays it out: nothing sticks out of a phone, and every text can be read in light and in dark."""

import pytest

from pixelwise.report.html import write_report
from tests.report.browser import MISSING, PROGRAM, Browser
from tests.report.pages import measured

pytestmark = [
    pytest.mark.slow,  # a browser takes two seconds to start
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
]

WIDTHS, THEMES = (390, 820, 1440), ("light", "dark")
PAGES = {
    "eleven classes": {"num_classes": 11},
    "two classes": {"num_classes": 2},
    "overlapping classes": {"num_classes": 3, "multilabel": True},
    "thirty classes": {"num_classes": 30, "images": 3},
    "one image": {"num_classes": 6, "images": 1},
}

OPEN = "document.querySelectorAll('details').forEach(each => each.open = true)"

# What sticks out of the window, except inside of boxes that scroll by themselves. Of text the letters count, not their box.
TOO_WIDE = """(() => {
  const width = document.documentElement.clientWidth, found = [];
  const note = (what, box) => {
    if (box.width && (box.right > width + 0.5 || box.left < -0.5)) found.push(`${what} ${box.left}..${box.right}`);
  };
  for (const each of document.body.querySelectorAll('*')) {
    if (each.parentElement.closest('.scroll') || (each.closest('svg') && each.tagName !== 'text')) continue;
    note(each.tagName + '.' + each.className, each.getBoundingClientRect());
  }
  if (document.documentElement.scrollWidth > width) found.push('the page ' + document.documentElement.scrollWidth);
  return found;
})()"""

# Texts that cover each other within a row of a table.
OVERLAPPING = """(() => {
  const found = [];
  for (const row of document.querySelectorAll('tr')) {
    let end = -Infinity;
    for (const cell of row.children) {
      const range = document.createRange();
      range.selectNodeContents(cell);
      const box = range.getBoundingClientRect();
      if (box.width && box.left < end - 0.5) found.push(row.textContent);
      end = Math.max(end, box.right);
    }
  }
  return found;
})()"""

# The lowest contrast of a text with what is behind it. The cells of the heat map are left out: their paper is the drawing.
CONTRAST = """(() => {
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const bright = color => {
    const [r, g, b] = parts(color).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = node => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor, opacity = parts(color)[3];
      if (opacity === undefined || opacity === 1) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  let least = [99, ''];
  for (const each of document.body.querySelectorAll('*')) {
    const text = [...each.childNodes].filter(node => node.nodeType === 3).map(node => node.data.trim()).join('');
    if (!text || each.closest('figure.scroll svg')) continue;
    const style = getComputedStyle(each), ink = each.closest('svg') ? style.fill : style.color;
    const [dark, light] = [bright(ink), bright(paper(each))].sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < least[0]) least = [ratio, text];
  }
  return least;
})()"""


@pytest.fixture(scope="module")
def browser():
    with Browser() as started:
        yield started


@pytest.fixture(scope="module", params=PAGES)
def page(request, tmp_path_factory):
    path = write_report(tmp_path_factory.mktemp("page") / "report.html", measured(**PAGES[request.param]))
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def small_page(tmp_path_factory):
    path = write_report(tmp_path_factory.mktemp("small") / "report.html", measured(num_classes=6, images=2, size=(24, 32)))
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_and_every_text_can_be_read(browser, page, width, theme):
    browser.show(page, width, theme)
    closed = browser.value(TOO_WIDE)
    browser.value(OPEN)
    opened, overlapping = browser.value(TOO_WIDE), browser.value(OVERLAPPING)
    contrast, text = browser.value(CONTRAST)
    assert (closed, opened, overlapping) == ([], [], [])
    assert contrast >= 4.5, text  # what WCAG asks for small text


def test_light_and_dark_have_papers_of_their_own(browser, page):
    papers = []
    for theme in THEMES:
        browser.show(page, 820, theme)
        papers.append(browser.value("getComputedStyle(document.body).backgroundColor"))
    assert papers == ["rgb(255, 255, 255)", "rgb(20, 22, 27)"]


@pytest.mark.parametrize(
    "broken, check",
    [
        (".panels { width: 700px; }", TOO_WIDE),
        (".scroll { overflow: visible; }", TOO_WIDE),
        (".legend li { white-space: nowrap; overflow-wrap: normal; }", TOO_WIDE),
        (".name span:last-child { white-space: nowrap; }", OVERLAPPING),
    ],
    ids=["wide pictures", "tables that do not scroll", "names that do not break", "names over numbers"],
)
def test_a_broken_style_is_seen(browser, small_page, broken, check):
    browser.show(small_page.replace("</style>", broken + "</style>", 1), 390, "light")
    assert browser.value(check) != []


def test_ink_that_cannot_be_read_is_seen(browser, small_page):
    browser.show(small_page.replace("--soft: #646b78", "--soft: #c0c4cc", 1), 390, "light")
    assert browser.value(CONTRAST)[0] < 4.5
