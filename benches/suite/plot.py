"""Two plots, as SVG."""

import math
from html import escape

INK, GREY, RULE = "#1f2328", "#57606a", "#d8dee4"
OURS, THEIRS, SLOWER, DRAW = "#0969da", "#bc4c00", "#cf222e", "#8c959f"


def text(x, y, content, size=12, anchor="start", colour=INK, more=""):
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}" {more}>{escape(content)}</text>'


def line(x1, y1, x2, y2, colour=RULE, width=1.0):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def svg(width, height, parts):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="system-ui, Helvetica, Arial, sans-serif"><rect width="{width}" height="{height}" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def plain(ratio):
    """Two decimals, or as many as show a digit."""
    return f"{ratio:.{max(2, -math.floor(math.log10(ratio)))}f}" if ratio > 0 else "0"


def ratios(bars):
    """A bar for each (title, ratio, goal), from 1 to the left when ours costs less, to the right when it costs more."""
    left, right, top, step, low, high = 470, 60, 56, 22, 0.01, 4.0
    width, height = 960, top + step * len(bars) + 24

    def x(ratio):
        share = math.log(min(max(ratio, low), high) / low) / math.log(high / low)
        return left + share * (width - left - right)

    bottom = height - 20
    parts = [text(20, 24, "Cost in relation to the C library", 16, more='font-weight="600"')]
    legend = "logarithmic; to the left of 1 ours costs less; a tick is what was to be reached"
    parts.append(text(width - 20, 24, legend, 12, "end", GREY))
    for ratio in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4):
        parts.append(line(x(ratio), top - 8, x(ratio), bottom))
        parts.append(text(x(ratio), top - 13, f"{ratio:g}", 11, "middle", GREY))
    for i, (title, ratio, goal) in enumerate(bars):
        y = top + i * step
        colour = OURS if ratio < 0.95 else DRAW if ratio <= 1.05 else SLOWER
        begin, end = sorted((x(ratio), x(1)))
        place = f'x="{begin:.1f}" y="{y + 2}" width="{max(end - begin, 1.5):.1f}" height="{step - 8}"'
        parts.append(f'<rect {place} rx="2" fill="{colour}"/>')
        parts.append(text(left - 12, y + 13, title.replace("`", ""), 12, "end"))
        if goal is not None:
            parts.append(line(x(goal), y, x(goal), y + step - 4, INK, 1.5))
        parts.append(text(max(end, x(1)) + 8, y + 13, plain(ratio), 11, colour=GREY))
    parts.append(line(x(1), top - 8, x(1), bottom, INK, 1.5))
    return svg(width, height, parts)


def short(value):
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def ticks(low, high, base=10):
    first, last = math.floor(math.log(low, base) + 1e-9), math.ceil(math.log(high, base) - 1e-9)
    return [float(base) ** k for k in range(first, last + 1)]


def size_name(value, unit):
    if unit != "MiB":
        return short(value)
    return f"{value:g} MiB" if value >= 1 else f"{value * 1024:g} KiB"


def sizes(panels):
    """A panel for each (title, unit of x, unit of y, {name: [(size, cost)]}), two in a row, both axes logarithmic."""
    wide, high, left, top, right, below = 480, 300, 64, 58, 24, 44
    parts = []
    for i, (title, unit, cost, lines) in enumerate(panels):
        at_x, at_y = i % 2 * wide, i // 2 * high
        points = [point for those in lines.values() for point in those]
        if not points:
            continue
        xs = sorted({size for size, _ in points})
        marks = ticks(min(c for _, c in points), max(c for _, c in points))

        def x(size):
            return at_x + left + math.log(size / xs[0]) / math.log(xs[-1] / xs[0]) * (wide - left - right)

        def y(value):
            return at_y + high - below - math.log(value / marks[0]) / math.log(marks[-1] / marks[0]) * (high - top - below)

        parts.append(text(at_x + 20, at_y + 24, title, 14, more='font-weight="600"'))
        parts.append(text(at_x + 20, at_y + 42, cost, 11, colour=GREY))
        for mark in marks:
            parts.append(line(at_x + left, y(mark), at_x + wide - right, y(mark)))
            parts.append(text(at_x + left - 8, y(mark) + 4, short(mark), 11, "end", GREY))
        for size in xs:
            parts.append(line(x(size), y(marks[0]), x(size), y(marks[0]) + 4, GREY))
            parts.append(text(x(size), at_y + high - below + 18, size_name(size, unit), 10, "middle", GREY))
        for name, those in lines.items():
            colour = OURS if name == "ours" else THEIRS
            path = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in those)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts += [f'<circle cx="{x(s):.1f}" cy="{y(v):.1f}" r="3" fill="{colour}"/>' for s, v in those]
        for k, (name, colour) in enumerate((("C library", THEIRS), ("ours", OURS))):
            at = at_x + wide - right - 130 + k * 80
            parts.append(line(at, at_y + 38, at + 16, at_y + 38, colour, 2))
            parts.append(text(at + 21, at_y + 42, name, 11))
    return svg(2 * wide, high * ((len(panels) + 1) // 2), parts)
