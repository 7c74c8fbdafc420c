# SPDX-License-Identifier: Apache-2.0
"""Figures and tables on the page; and that HTML which a program shows runs nothing and reaches nobody."""
import contextlib
import http.server
import re
import threading

import page as pages
import pytest

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg=="


def shown(kind, data):
    """A program whose last value says that of itself."""
    return f"class Shown:\n    def {kind}(self):\n        return {data!r}\nShown()"


def test_a_figure_and_a_table_are_shown(page, science):
    page.choose_environment("science")
    page.run("import matplotlib.pyplot as plt, pandas\nplt.plot([1, 2])\npandas.DataFrame({'a': [1, 2], 'b<i>': ['x', 'y']})")
    image = page.all("#displays img")[0]
    page.until(lambda: image.get_property("naturalWidth") > 100, "the figure is not shown")
    assert "Figure" in image.get_property("alt") and page.all("#displays figcaption a")[0].text.startswith("Save figure-")
    assert not page["value-part"].is_displayed()  # the table says the same
    page.driver.switch_to.frame(page.all("#displays iframe")[0])
    page.until(lambda: page.all("td"), "the table is not shown")
    assert [e.text for e in page.all("th")] == ["", "a", "b<i>", "0", "1"] and [e.text for e in page.all("td")] == ["1", "x", "2", "y"]
    assert page.style("td", "borderTopStyle") == "solid", "the frame's own style is allowed by its hash"


@pytest.mark.parametrize("method, data", [("_repr_png_", None), ("_repr_svg_", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="5"/>')])
def test_images_are_shown_and_can_be_saved(page, method, data):
    page.run(shown(method, data) if data else f"import base64\nclass P:\n    def _repr_png_(self): return base64.b64decode('{PNG}')\nP()")
    page.until(lambda: page.all("#displays img")[0].get_property("naturalWidth") in (2, 9), "the image is not shown")
    assert page.all("#displays a")[0].get_property("download") == f"figure-1.{method.strip('_')[5:]}"


def test_what_has_no_picture_is_shown_as_text(page):
    page.run(shown("_repr_markdown_", "**<b>bold</b>**"))
    assert page.all("#displays pre")[0].text == "**<b>bold</b>**" and not page.all("#displays b")


class Stranger:
    """A server elsewhere, which hears of every request that reaches it."""

    def __init__(self):
        heard = self.heard = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                heard.append(self.path)
                self.send_error(404)

            do_POST = do_GET

            def log_message(self, *args):
                pass

            def send_error(self, *args):
                with contextlib.suppress(OSError):
                    super().send_error(*args)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def stranger():
    made = Stranger()
    yield made
    made.server.shutdown()
    made.server.server_close()


def hostile(own, other):
    """One try after the other: to run a script, to reach the page, the API, others, and to go elsewhere."""
    script = f"parent.postMessage('ran', '*'); parent.document.title = 'ran'; fetch('{own}/run', {{method: 'POST', body: '{{}}'}}); new Image().src = '{other}/script'"
    return f"""<table><tr><td id="here">here</td></tr></table>
        <script>{script}</script><script src="{own}/app.js"></script><script src="{other}/x.js"></script>
        <script type="module" src="{own}/app.js"></script>
        <img src="x:" onerror="{script}"><svg onload="{script}"><image href="{other}/svg.png"/></svg><body onload="{script}">
        <img src="{other}/a.png"><img src="{own}/healthz"><img src="/metrics"><picture><source srcset="{other}/b.png"><img></picture>
        <link rel="stylesheet" href="{other}/c.css"><link rel="preload" as="image" href="{other}/d.png"><link rel="dns-prefetch" href="//x.invalid">
        <style>@import "{other}/e.css"; body {{ background: url({other}/f.png) }}</style><p style="background: url({other}/g.png)">p</p>
        <iframe src="{other}/h"></iframe><iframe srcdoc="<script>{script.replace('"', "'")}</script>"></iframe><iframe src="javascript:{script}"></iframe>
        <object data="{other}/i"></object><embed src="{other}/j"><video src="{other}/k" autoplay></video><audio src="{other}/l" autoplay></audio>
        <form id="f" action="{own}/run" method="post"><input name="code" autofocus onfocus="{script}"><button id="send">x</button></form>
        <base href="{other}/"><meta http-equiv="refresh" content="0; url={other}/m">
        <meta http-equiv="Content-Security-Policy" content="default-src * 'unsafe-inline'">
        <a id="go" href="{other}/n" target="_top" ping="{other}/o">go</a><a id="run" href="javascript:{script}">run</a><details open ontoggle="{script}">d</details>
        <template><script>{script}</script></template><math><mtext><img src="x:" onerror="{script}"></mtext></math>"""


FRAME = """
    const [html, isSandboxed, done] = arguments;
    const frame = document.createElement("iframe");
    frame.id = "bare";
    if (isSandboxed) frame.setAttribute("sandbox", "");
    frame.addEventListener("load", () => done(), { once: true });
    window.heard = [];
    addEventListener("message", (event) => heard.push(event.data));
    import("/display.js").then(m => { m.fillFrame(frame, html, ""); document.body.append(frame); });"""


def strange(page, urls):
    return [url for url in urls if pages.is_foreign(url, page.url) or not re.search(r"(/|\.(js|css|svg))$", url)]


def see_what_came_of_it(page, press=()):
    """Presses that in the frame. Then: what the page has been told, and the addresses that anything has got an answer from."""
    page.until(lambda: page.all("#here, td"), "the frame is empty")
    for name in press:
        page.js("const e = document.getElementById(arguments[0]); e && e.click()", name)
    page.driver.switch_to.default_content()
    page.driver.execute_async_script("setTimeout(arguments[0], 300)")  # nothing is to happen: there is no event to wait for
    page.errors()  # the browser tells of each refusal; they are wanted
    return page.driver.title, page.driver.current_url, page.js("return window.heard || []"), strange(page, page.network()[1])


def test_html_of_a_program_runs_no_script_and_reaches_nobody(page, stranger):
    page.run(shown("_repr_html_", hostile(page.url, stranger.url)))
    frame = page.all("#displays iframe")[0]
    assert frame.get_attribute("sandbox") == "" and set(strange(page, page.network()[0])) <= {page.url + "/v1/runs", page.url + "/v1/environments"}
    page.driver.switch_to.frame(frame)
    assert see_what_came_of_it(page, ("go", "run", "send")) == ("Safe Code Executor", page.url + "/", [], [])
    assert stranger.heard == []


@pytest.mark.parametrize("is_sandboxed", [True, False])
def test_the_policy_withstands_what_is_not_cleaned_with_the_sandbox_and_without(page, stranger, is_sandboxed):
    html = hostile(page.url, stranger.url)
    if not is_sandboxed:
        html = html.replace("refresh", "x")  # a frame that leaves for elsewhere gets nowhere, and shows nothing more
    page.wait_for_environments()
    page.network()
    page.driver.execute_async_script(FRAME, html, is_sandboxed)
    page.driver.switch_to.frame(page["bare"])
    press = ("go", "run", "send") if is_sandboxed else ("run", "send")  # without a sandbox a link may lead the whole page away
    assert see_what_came_of_it(page, press) == ("Safe Code Executor", page.url + "/", [], [])
    assert stranger.heard == []
