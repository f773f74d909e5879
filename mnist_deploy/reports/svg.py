"""Tables as a picture, for a README: SVG as rich exports it, the same for the same tables and version of rich.

rich's own template loads its font from a server. This one names fonts that systems have, and asks nothing of anyone;
rich gives each text its length, so that columns keep their places in any font.
"""

import html
import io
import re
from copy import copy

from rich.color_triplet import ColorTriplet
from rich.console import Console, RenderableType
from rich.terminal_theme import SVG_EXPORT_THEME

from mnist_deploy.reports.layout import WIDTH

# rich's CONSOLE_SVG_FORMAT without its web font, with a title for who cannot see; the names in braces are rich's.
_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>TITLE</title>
<style>
.{unique_id}-matrix {{
font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
# Lighter than rich's: so that notes, which are drawn dim, keep WCAG's contrast of 4.5 (theirs is 4.1, this 5.2).
_THEME = copy(SVG_EXPORT_THEME)
_THEME.foreground_color = ColorTriplet(230, 230, 230)
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def picture(body: RenderableType, title: str, width: int = WIDTH) -> str:
    """Return an SVG of `body` as a terminal of `width` columns shows it, in a window with that title."""
    # Its height matters to nothing, but without it a dumb terminal's width would be taken for that of the picture.
    console = Console(
        record=True, width=width, height=25, file=io.StringIO(), force_terminal=True, color_system="truecolor",
        no_color=False, highlight=False, markup=False, legacy_windows=False,
    )  # fmt: skip
    console.print(body)
    shown = html.escape(title).replace("{", "{{").replace("}", "}}")
    # Of the control characters that a name may hold XML allows none.
    code_format = _FORMAT.replace("TITLE", shown)
    text = console.export_svg(title=title, theme=_THEME, code_format=code_format, unique_id="mnist-deploy")
    return _NO_XML.sub("", text)
