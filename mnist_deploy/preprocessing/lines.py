"""Remove printed lines: of ruled and squared paper, across the whole picture and up to 6 degrees off its axes."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .paper import FloatArray, Ink, blurred, grain_after, noise

# Smaller pictures show no line apart from a stroke.
MIN_SIDE = 64
# Smoothing before lines are looked for, as a share of the shorter side.
BLUR = 1 / 500
# The widest line, in shares of the shorter side, beside 2 pixels of blur.
MAX_WIDTH, BLUR_WIDTH = 0.02, 3
MAX_TILT = np.deg2rad(6)
# How much of its way across the picture a line must be seen, at all and as a thin one; and how long that way is at
# least, as a share of the side, where it leaves the picture by another.
MIN_SEEN, MIN_THIN, MIN_WAY = 0.88, 0.45, 0.4
# Darker than the line by this factor is ink that was written on it.
INK_ON_LINE = 1.6


def remove(ink: Ink) -> Ink:
    """Return ink without lines; where ink crosses them it is kept.

    Lines are found by a Hough transform of what is thin, and filled by inpainting from beside them (A. Telea, "An Image
    Inpainting Technique Based on the Fast Marching Method", Journal of Graphics Tools 9, 2004).
    """
    import cv2

    values = ink.values
    if min(values.shape) < MIN_SIDE:
        return ink
    faint, widest = 3.5 * grain_after(ink, BLUR), round(MAX_WIDTH * min(values.shape)) + BLUR_WIDTH
    across, darkest = _lines(values, widest, faint)
    down, darkest_down = _lines(np.ascontiguousarray(values.T), widest, faint)
    # Where two lines cross, neither is thin.
    crossing = (darkest > 0) & (darkest_down.T > 0) & (values < np.maximum(darkest, darkest_down.T))
    lines = across | down.T | crossing
    if not lines.any():
        return ink
    filled = cv2.inpaint(values, lines.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    return replace(ink, values=np.asarray(filled, np.float32), line_width=widest)


def _lines(values: FloatArray, widest: int, faint: float) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Return where thin lines from left to right are, bool, and how dark they are at most, float32; 0 beside them."""
    import cv2

    smooth = blurred(values, BLUR)
    drawn = (smooth > max(3.5 * noise(smooth), faint, 0.06 * float(smooth.max()), 4)).astype(np.uint8)
    thin = drawn - cv2.morphologyEx(drawn, cv2.MORPH_OPEN, np.ones((widest + 1, 1), np.uint8))
    lines, limits = np.zeros(values.shape, bool), np.zeros(values.shape, np.float32)
    height, width = values.shape
    columns = np.arange(width)
    near = cv2.dilate(thin, np.ones((3, 1), np.uint8))
    for slope, start in _candidates(thin):
        rows = np.rint(start + slope * columns).astype(int)
        inside = (rows >= 0) & (rows < height)
        at = rows[inside], columns[inside]
        if inside.sum() < MIN_WAY * width:
            continue
        narrow = near[at] > 0
        if narrow.mean() < MIN_THIN or (narrow | (drawn[at] > 0)).mean() < MIN_SEEN:
            continue
        # Each column's pixels of the line, and a pixel of blur on either side; its darkness is that of its middle.
        band = np.abs(np.arange(height)[:, None] - (start + slope * columns)) <= widest / 2 + 1
        darkest = np.where(band & (thin > 0), values, 0).max(axis=0)
        if darkest.any():  # else only its blur lies here
            limits[band] = INK_ON_LINE * float(np.median(darkest[darkest > 0]))
            lines |= band & (near > 0) & (values < limits)
        thin[band], near[band] = 0, 0
    return lines, limits


def _candidates(thin: npt.NDArray[np.uint8]) -> Iterator[tuple[float, float]]:
    """Yield possible lines from left to right, strongest first: rows by column, and the row at column 0."""
    import cv2

    upright = np.pi / 2
    threshold = max(1, round(MIN_WAY * MIN_THIN * thin.shape[1]))
    found = cv2.HoughLines(thin, 1, np.deg2rad(0.25), threshold, None, 0, 0, upright - MAX_TILT, upright + MAX_TILT)
    for distance, angle in [] if found is None else found[:, 0]:
        yield -float(np.cos(angle) / np.sin(angle)), float(distance / np.sin(angle))
