#!/usr/bin/python3
"""Draws the dashboard beside this file as a PNG, from what a running Prometheus has of a time.

Places, titles, queries, legends and units are read from the dashboard. Grafana is not asked: its colours and its fonts
are others. A panel for which Prometheus has nothing is drawn as one without data, and named on standard error. Needs
Debian's python3-matplotlib.
"""
import argparse
import datetime
import itertools
import json
import math
import pathlib
import re
import sys
import urllib.parse
import urllib.request

from matplotlib import colormaps, dates, figure, patches, ticker
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

WIDTH, COLUMNS, UNIT, HEAD = 1600, 24, 31, 44  # pixels, but for the columns of the grid
DPI, LEGEND_LINE, LEGEND_LINES = 100, 16, 5
COLOURS = {"green": "#5aa64f", "red": "#d64050", "yellow": "#e0b400", "text": "#808080"}
UNITS = {"pps": " p/s", "ops": " /s"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", metavar="URL")
    parser.add_argument("--job", default="pinholed")
    parser.add_argument("--instance", default=".*", metavar="REGEX")
    parser.add_argument("--end", default=datetime.datetime.now().timestamp(), type=float, help="seconds since 1970")
    parser.add_argument("--minutes", default=180, type=float, help="how long before the end the picture begins")
    parser.add_argument("--scrape-seconds", default=15, type=float, help="interval at which Prometheus scrapes")
    parser.add_argument("--output", required=True, metavar="PNG")
    return parser.parse_args()


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


class Source:
    """A Prometheus, asked for one span of time with steps as Grafana chooses them."""

    def __init__(self, asked):
        self.url, self.begin, self.end = asked.prometheus, asked.end - 60 * asked.minutes, asked.end
        self.step = max(asked.scrape_seconds, math.ceil((self.end - self.begin) / 700))
        self.times = [utc(self.begin + n * self.step) for n in range(int((self.end - self.begin) / self.step) + 2)]
        window = max(self.step + asked.scrape_seconds, 4 * asked.scrape_seconds)
        self.variables = {"job": asked.job, "instance": asked.instance, "__rate_interval": "%ds" % window}

    def series(self, target):
        """Pairs of a name and of points, one for each step; NaN where there is none, so that lines break there."""
        query = re.sub(r"\$(\w+)", lambda found: self.variables[found.group(1)], target["expr"])
        form = urllib.parse.urlencode({"query": query, "start": self.begin, "end": self.end, "step": self.step})
        with urllib.request.urlopen(self.url + "/api/v1/query_range?" + form) as answer:
            result = json.load(answer)["data"]["result"]
        for found in result:
            values = {round((at - self.begin) / self.step): float(value) for at, value in found["values"]}
            label = re.sub(r"{{(\w+)}}", lambda name: found["metric"].get(name.group(1), ""), target["legendFormat"])
            yield label.strip(), [values.get(n, math.nan) for n in range(len(self.times) - 1)]



def shown(value, unit):
    """A number of an axis, as Grafana writes that unit."""
    if unit == "percentunit":
        return "%g %%" % round(100 * value, 6)
    if unit == "bytes":
        power = min(3, int(math.log(value, 1024))) if value >= 1 else 0
        return "%.3g %s" % (value / 1024 ** power, ("B", "KiB", "MiB", "GiB")[power])
    if unit == "s" and 0 < value < 1:
        return "%g ms" % round(1000 * value, 6) if value >= 0.001 else "%g µs" % round(1e6 * value, 6)
    return "%g%s" % (round(value, 9), UNITS.get(unit, " s" if unit == "s" and value else ""))


class Picture:
    def __init__(self, dashboard, source):
        self.source = source
        grid = [panel["gridPos"] for panel in dashboard["panels"]]
        self.height = HEAD + UNIT * max(place["y"] + place["h"] for place in grid) + 8
        self.figure = figure.Figure((WIDTH / DPI, self.height / DPI), DPI, facecolor="#f4f5f5")
        self.canvas = FigureCanvasAgg(self.figure)
        self.text(12, 27, dashboard["title"], 15, weight="bold")
        span = "{:%Y-%m-%d %H:%M} to {:%Y-%m-%d %H:%M} UTC".format(utc(source.begin), utc(source.end))
        self.text(WIDTH - 12, 27, span, 9, ha="right")

    def text(self, x, y, text, size, **more):
        return self.figure.text(x / WIDTH, 1 - y / self.height, text, fontsize=size, **more)

    def axes(self, x, y, width, height):
        return self.figure.add_axes((x / WIDTH, 1 - (y + height) / self.height, width / WIDTH, height / self.height))

    def save(self, output):
        """With a palette, which takes a third of the bytes and is not seen."""
        self.canvas.draw()
        image = Image.frombuffer("RGBA", self.canvas.get_width_height(), self.canvas.buffer_rgba())
        image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(output, optimize=True)

    def panel(self, panel):
        """Draws one and returns whether there is something in it."""
        place = panel["gridPos"]
        x, y = place["x"] * WIDTH / COLUMNS + 4, HEAD + place["y"] * UNIT
        width, height = place["w"] * WIDTH / COLUMNS - 8, place["h"] * UNIT - 8
        if panel["type"] == "row":
            self.text(x + 6, y + 20, panel["title"], 12, weight="bold")
            return True
        self.figure.add_artist(patches.Rectangle(
            (x / WIDTH, 1 - (y + height) / self.height), width / WIDTH, height / self.height,
            facecolor="white", edgecolor="#d8d9da", transform=self.figure.transFigure, zorder=-1))
        self.text(x + 10, y + 18, panel["title"], 10, weight="bold")
        series = [one for target in panel["targets"] for one in self.source.series(target)
                  if any(map(math.isfinite, one[1]))]
        if not series:
            self.text(x + width / 2, y + height / 2, "No data", 11, ha="center", color="gray")
            return False
        draw = {"timeseries": self.lines, "state-timeline": self.states}[panel["type"]]
        draw(panel["fieldConfig"]["defaults"], series, x + 10, y + 28, width - 20, height - 36)
        return True

    def time_axis(self, axes):
        axes.set_xlim(utc(self.source.begin), utc(self.source.end))
        axes.xaxis.set_major_locator(dates.AutoDateLocator(minticks=3, maxticks=16))
        axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))
        axes.tick_params(labelsize=8, length=0)
        axes.set_frame_on(False)

    def lines(self, defaults, series, x, y, width, height):
        colours = [colormaps["tab20"](n * 2 % 20 + n // 10 % 2) for n in range(len(series))]
        below = self.legend(zip([name for name, _ in series], colours), x, y + height, width)
        axes = self.axes(x + 60, y, width - 60, height - below - 22)
        for (_, values), colour in zip(series, colours):
            axes.plot(self.source.times[:-1], values, color=colour, linewidth=1.3, marker=".", markersize=1)
        self.time_axis(axes)
        highest = max(value for _, values in series for value in values if math.isfinite(value))
        if defaults.get("custom", {}).get("scaleDistribution", {}).get("type") == "log":
            axes.set_yscale("log")
            axes.yaxis.set_minor_locator(ticker.NullLocator())
        else:
            axes.set_ylim(defaults.get("min", 0), defaults.get("max", 1.08 * highest or 1))
            axes.yaxis.set_major_locator(
                ticker.MultipleLocator(2 ** math.ceil(math.log2((highest or 1) / 5))) if defaults["unit"] == "bytes"
                else ticker.MaxNLocator(5, integer=defaults["unit"] == "none"))
        axes.yaxis.set_major_formatter(lambda value, _: shown(value, defaults["unit"]))
        axes.grid(color="#e4e5e6", linewidth=0.7)

    def legend(self, entries, x, bottom, width):
        """Puts names below the axes, in lines as they fit; returns how high they stand, in pixels."""
        lines, at = [[]], 0
        for name, colour in entries:
            text = self.text(0, 0, name, 8)
            wide = text.get_window_extent(self.canvas.get_renderer()).width + 34
            text.remove()
            if at and at + wide > width:
                lines, at = [*lines, []], 0
            lines[-1].append((at, name, colour))
            at += wide
        left_out, lines = sum(map(len, lines[LEGEND_LINES:])), lines[:LEGEND_LINES]
        for up, line in enumerate(reversed(lines)):
            for at, name, colour in line:
                self.text(x + at, bottom - LEGEND_LINE * up - 2, "—", 10, color=colour, weight="bold")
                self.text(x + at + 18, bottom - LEGEND_LINE * up - 2, name, 8)
        if left_out:
            self.text(x + width, bottom - 2, "and %d more" % left_out, 8, ha="right", backgroundcolor="white")
        return LEGEND_LINE * len(lines)

    def states(self, defaults, series, x, y, width, height):
        options = {float(value): option for one in defaults["mappings"] for value, option in one["options"].items()}
        axes = self.axes(x + 210, y, width - 210, height - 20)
        times = self.source.times
        for row, (_, values) in enumerate(series):
            end = 0
            for value, run in itertools.groupby(values):
                begin, end = end, end + len(list(run))
                if not math.isnan(value):
                    option = options.get(value, {"color": "text", "text": "%g" % value})
                    axes.barh(row, times[end] - times[begin], 0.8, times[begin], color=COLOURS[option["color"]])
                    axes.text(times[begin], row, " " + option["text"], fontsize=8, va="center", color="white")
        self.time_axis(axes)
        axes.set_yticks(range(len(series)), [name for name, _ in series])
        axes.invert_yaxis()


def main():
    asked = arguments()
    dashboard = json.loads(pathlib.Path(__file__).with_name("pinholed.json").read_text())
    picture = Picture(dashboard, Source(asked))
    for panel in dashboard["panels"]:
        if not picture.panel(panel):
            print("no data: " + panel["title"], file=sys.stderr)
    picture.save(asked.output)


if __name__ == "__main__":
    main()
