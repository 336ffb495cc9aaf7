# SPDX-License-Identifier: GPL-2.0-only
"""Flame graphs, as SVG: a box for each chain of callers, as wide as what was executed there, above
the box of its caller. Boxes of one caller are in the order of their names; what is too narrow to be
seen is left out. Colours tell programs, kernel and hypervisor apart; a box's title has its figure.
"""

from html import escape

WIDTH, LINE, MARGIN = 1600, 17, 10
LEAST = 0.4  # pixels
CHARACTER = 6.6  # pixels of one, roughly
COLOURS = (("lodge:", "#7fb3e6"), ("xen:", "#7fb3e6"), ("hypervisor", "#7fb3e6"),
           ("program", "#9fd69f"), ("", "#f2b26b"))


class _Box:
    def __init__(self):
        self.total = 0
        self.inner = {}


def _tree(stacks):
    root = _Box()
    for chain, count in stacks.items():
        box = root
        box.total += count
        for name in chain:
            box = box.inner.setdefault(name, _Box())
            box.total += count
    return root


def _depth(box, scale):
    return 1 + max((_depth(inner, scale) for inner in box.inner.values()
                    if inner.total * scale >= LEAST), default=0)


def _draw(out, name, box, left, level, scale, height, whole):
    width = box.total * scale
    top = height - MARGIN - LINE * (level + 1)
    colour = next(colour for start, colour in COLOURS if name.startswith(start))
    text = name if len(name) * CHARACTER < width else name[:max(0, int(width / CHARACTER) - 1)]
    share = 100 * box.total / whole
    out.append(f'<g><title>{escape(name)}: {box.total:,.0f}, {share:.1f} %</title>'
               f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{LINE - 1}" rx="1" '
               f'fill="{colour if level else "#d0d0d0"}"/>'
               + (f'<text x="{left + 3:.1f}" y="{top + 12}">{escape(text)}</text>'
                  if len(text) > 2 else "") + "</g>")
    for inner_name in sorted(box.inner):
        inner = box.inner[inner_name]
        if inner.total * scale >= LEAST:
            _draw(out, inner_name, inner, left, level + 1, scale, height, whole)
        left += inner.total * scale


def graph(stacks, title):
    """An SVG document. stacks: instructions by chain of functions, the outermost first."""
    root = _tree(stacks)
    scale = (WIDTH - 2 * MARGIN) / max(root.total, 1)
    height = LINE * (_depth(root, scale) + 1) + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
           f'viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
           f'<text x="{MARGIN}" y="{MARGIN + 8}" font-size="13">{escape(title)}: '
           f'{root.total:,.0f} instructions</text>']
    _draw(out, "all", root, MARGIN, 0, scale, height, max(root.total, 1))
    return "\n".join(out + ["</svg>"]) + "\n"
