"""A table that shows every cell whole, however narrow the terminal is: a number that is cut off is a wrong number."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.styled import Styled
from rich.table import Column, Table
from rich.text import Text

# As wide as any terminal or more.
UNLIMITED = 10_000
# Words up to this length are never broken.
SHORT = 36
GAP = Text("  ")
INDENT = 2
# What a cell shows that has nothing to show.
EMPTY = {"", "-"}


class FittedTable(Table):
    """A rich table of `Text`: columns that may not wrap hold numbers, the others hold words.

    Where numbers do not fit beside words, each row takes a line for its words and one for its numbers. Where the
    numbers alone do not fit, each is named, as in 'p50 3.30 us', with as many on a line as fit. Words are broken only
    where one alone is longer than half of the line.
    """

    def without_empty_columns(self) -> "tuple[FittedTable, list[str]]":
        """Return the table without the columns that say nothing in any row, and the names of those."""
        rows = list(self.contents())
        columns = range(len(self.columns))
        kept = [place for place in columns if any(cells[place].plain.strip() not in EMPTY for cells, _ in rows)]
        if not rows or len(kept) == len(self.columns):
            return self, []
        made = FittedTable(
            show_header=self.show_header, box=self.box, padding=self.padding, pad_edge=self.pad_edge,
            show_edge=self.show_edge,
        )  # fmt: skip
        for place in kept:
            column = self.columns[place]
            made.add_column(column.header, justify=column.justify, no_wrap=column.no_wrap, overflow=column.overflow)
        for cells, style in rows:
            made.add_row(*(cells[place] for place in kept), style=style or None)
        return made, [str(column.header) for place, column in enumerate(self.columns) if place not in kept]

    def contents(self) -> Iterator[tuple[list[Text], str]]:
        """Yield each row's cells with its style."""
        columns = [list(column.cells) for column in self.columns]
        for place, one in enumerate(self.rows):
            yield [_text(cells[place]) for cells in columns], str(one.style or "")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render in the widest of the three forms that fits."""
        widths = self._widths(console, options)
        if widths is not None:
            for column, width in zip(self.columns, widths, strict=True):
                column.width = width
            yield from super().__rich_console__(console, options)
        elif 0 < self._numbers_width() <= options.max_width:
            yield from self._two_lines(options.max_width)
        else:
            yield from self._named(options.max_width)

    def _widths(self, console: Console, options: ConsoleOptions) -> list[int] | None:
        """Return each column's width if all fit, the widest columns of words giving way first; None if they do not."""
        widths = [_widest(column) for column in self.columns]
        for column in self.columns:
            column.width = None
        # What rich puts between columns differs by its version.
        between = Measurement.get(console, options.update_width(UNLIMITED), self).maximum - sum(widths)
        room = options.max_width - between
        # A path may be longer than the line; it alone is no reason to give up the columns.
        longest = max(SHORT, room // 2)
        least = [
            width if column.no_wrap else min(_longest_word(column), longest)
            for width, column in zip(widths, self.columns, strict=True)
        ]
        if sum(least) > room:
            return None
        while sum(widths) > room:
            place = max((one for one in range(len(widths)) if widths[one] > least[one]), key=widths.__getitem__)
            widths[place] -= 1
        return widths

    def _numbers(self) -> slice:
        """Return where the numbers' columns are."""
        places = [place for place, column in enumerate(self.columns) if column.no_wrap] or [-1]
        return slice(places[0], places[-1] + 1)

    def _numbers_width(self) -> int:
        widths = [_widest(column) for column in self.columns[self._numbers()]]
        return INDENT + sum(widths) + len(GAP) * (len(widths) - 1) if widths else 0

    def _two_lines(self, room: int) -> Iterator[RenderableType]:
        where = self._numbers()
        widths = [_widest(column) for column in self.columns[where]]

        def aligned(cells: Sequence[Text]) -> Text:
            padding = (" " * (width - cell.cell_len) for width, cell in zip(widths, cells, strict=True))
            return GAP.join(Text(space) + cell for space, cell in zip(padding, cells, strict=True))

        if self.show_header:
            yield Text("  ".join(str(column.header) for column in self.columns[: where.start]), style="bold")
            heads = aligned([Text(str(column.header)) for column in self.columns[where]])
            yield _indented(heads, "bold")
            yield _indented(Text("-" * heads.cell_len), "")
        for cells, style in self.contents():
            yield Styled(GAP.join(cells[: where.start]), style)
            after = zip(self.columns[where.stop :], cells[where.stop :], strict=True)
            pairs = [pair for pair in (_pair(column, cell) for column, cell in after) if pair.plain]
            for line in _filled([aligned(cells[where]), *pairs], room - INDENT):
                yield _indented(line, style)

    def _named(self, room: int) -> Iterator[RenderableType]:
        for cells, style in self.contents():
            yield Styled(cells[0], style)
            pairs = [_pair(column, cell) for column, cell in zip(self.columns[1:], cells[1:], strict=True)]
            for line in _filled([pair for pair in pairs if pair.plain], room - INDENT):
                yield _indented(line, style)


def _filled(parts: Iterable[Text], room: int) -> Iterator[Text]:
    """Yield lines of as many parts as fit; a part that is longer than a line has one of its own."""
    line: list[Text] = []
    for part in parts:
        if line and GAP.join([*line, part]).cell_len > room:
            yield GAP.join(line)
            line = []
        line.append(part)
    if line:
        yield GAP.join(line)


def _pair(column: Column, cell: Text) -> Text:
    """Return a cell with its column's name, if it has one; nothing for an empty cell."""
    value = cell.copy()
    value.rstrip()
    if not value.plain or not column.header:
        return value
    return Text.assemble((f"{column.header}{'' if column.no_wrap else ':'} ", "dim"), value)


def _indented(text: Text, style: str) -> RenderableType:
    return Styled(Padding(text, (0, 0, 0, INDENT), expand=False), style)


def _widest(column: Column) -> int:
    return max((text.cell_len for text in _texts(column)), default=0)


def _longest_word(column: Column) -> int:
    return max((cell_len(word) for text in _texts(column) for word in text.plain.split()), default=0)


def _texts(column: Column) -> list[Text]:
    return [_text(column.header), *(_text(cell) for cell in column.cells)]


def _text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))
