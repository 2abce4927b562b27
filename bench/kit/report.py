# SPDX-License-Identifier: MIT
"""Medians, tables, and a picture; no dependencies."""
import html
import math
import statistics


def spread(values, digits=2):
    """'0.98 (0.95-1.03)': median, smallest, largest."""
    if not values:
        return "void"
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(head, rows):
    lines = ["| " + " | ".join(str(x) for x in head) + " |",
             "| " + " | ".join(["---"] + ["---:"] * (len(head) - 1)) + " |"]
    lines += ["| " + " | ".join(str(x) for x in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


COLOURS = {"wye": "#1f6f8b", "limit": "#8a8f98", "control": "#c3c7cd", "peer": "#d08c3f"}


def bars(title, note, panels):
    """SVG on a logarithmic axis around 1. panels: [(heading, [(name, role, [ratios])])]."""
    values = [r for _, rows in panels for _, _, ratios in rows for r in ratios]
    low = min([0.5] + [v * 0.9 for v in values])
    high = max([2.0] + [v * 1.1 for v in values])
    left, width, step, bar = 130, 480, 18, 12

    def x(value):
        return left + width * (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))

    ticks = [t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
             if low <= t <= high]
    out, y = [], 52
    for heading, rows in panels:
        out.append(f'<text x="8" y="{y}" font-weight="bold">{html.escape(heading)}</text>')
        top = y + 8
        bottom = top + step * len(rows)
        for tick in ticks:
            strong = ' stroke="#333"' if tick == 1 else ' stroke="#ddd"'
            out.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" y2="{bottom}"{strong}/>')
            out.append(f'<text x="{x(tick):.1f}" y="{bottom + 12}" text-anchor="middle" '
                       f'fill="#777" font-size="10">{tick:g}</text>')
        for i, (name, role, ratios) in enumerate(rows):
            at = top + step * i + (step - bar) / 2
            out.append(f'<text x="{left - 6}" y="{at + bar - 2}" text-anchor="end">{html.escape(name)}</text>')
            if not ratios:
                out.append(f'<text x="{x(1) + 4:.1f}" y="{at + bar - 2}" fill="#b00">void</text>')
                continue
            middle = statistics.median(ratios)
            begin, end = sorted((x(1), x(middle)))
            out.append(f'<rect x="{begin:.1f}" y="{at}" width="{max(end - begin, 1):.1f}" '
                       f'height="{bar}" fill="{COLOURS[role]}"/>')
            out.append(f'<line x1="{x(min(ratios)):.1f}" x2="{x(max(ratios)):.1f}" '
                       f'y1="{at + bar / 2}" y2="{at + bar / 2}" stroke="#000"/>')
            out.append(f'<text x="{left + width + 8}" y="{at + bar - 2}">{middle:.2f}</text>')
        y = bottom + 40
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}" height="{y - 16}" '
            'font-family="sans-serif" font-size="12">'
            '<rect width="100%" height="100%" fill="#fff"/>'
            f'<text x="8" y="18" font-size="14" font-weight="bold">{html.escape(title)}</text>'
            f'<text x="8" y="34" fill="#555" font-size="11">{html.escape(note)}</text>')
    return head + "".join(out) + "</svg>\n"
