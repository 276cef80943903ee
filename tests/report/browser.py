"""Chromium without a window, spoken to through two pipes by the DevTools protocol: no driver, no port, no package."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PROGRAM = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
        if (found := shutil.which(name))
    ),
    None,
)
MISSING = "no Chromium or Chrome on the path: how the page is laid out was not checked"
_PATIENCE_S = 60
_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--remote-debugging-pipe")


class Browser:
    """One process; use it as a context. Raises :class:`TimeoutError` where it stays silent."""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        (hears, self.into), (self.out_of, speaks) = os.pipe(), os.pipe()
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (hears, speaks)]  # away from 3 and 4, where Chromium wants them

        def join():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        command = [PROGRAM, *_OPTIONS, f"--user-data-dir={self.profile}", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, preexec_fn=join, pass_fds=(3, 4, *high), **quiet)
        for end in (hears, speaks, *high):
            os.close(end)
        self.heard, self.number, self.session = b"", 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.frame = self.call("Page.getFrameTree")["frameTree"]["frame"]["id"]
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for end in (self.into, self.out_of):
            os.close(end)
        for _ in range(20):  # its children write until they notice
            shutil.rmtree(self.profile, ignore_errors=True)
            if not os.path.exists(self.profile):  # noqa: PTH110
                break
            time.sleep(0.05)

    def show(self, page, width, theme, height=900):
        """The text of a page in a window of this width; ``theme`` is ``light`` or ``dark``."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.call("Page.setDocumentContent", frameId=self.frame, html=page)

    def value(self, expression):
        """What a JavaScript expression is, as plain data. The page's own policy does not hold for the one who looks at it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self._write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer)
                return answer["result"]

    def _write(self, message):
        sent = 0
        while sent < len(message):
            sent += os.write(self.into, message[sent : sent + (1 << 16)])

    def _read(self):
        while b"\0" not in self.heard:
            ready, _, _ = select.select([self.out_of], [], [], _PATIENCE_S)
            part = os.read(self.out_of, 1 << 20) if ready else b""
            if not part:
                raise TimeoutError(f"Chromium said nothing for {_PATIENCE_S} s, or ended ({self.process.poll()})")
            self.heard += part
        message, self.heard = self.heard.split(b"\0", 1)
        return json.loads(message)
