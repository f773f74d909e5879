"""Tell ink from paper: a color picture, unevenly lit, becomes an image of ink alone, and its blobs are found.

The steps are those of document binarization (B. Gatos, I. Pratikakis, S. J. Perantonis, "Adaptive degraded document
image binarization", Pattern Recognition 39, 2006): the paper's brightness is estimated at each pixel, ink is what lies
farther from it than noise does, and small blobs are removed. The paper is estimated by a grayscale closing (P. Soille,
"Morphological Image Analysis", 2003, section 4.5), which follows gradients and shadows, whether soft or hard.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .reading import border

FloatArray = npt.NDArray[np.float32]
MaskArray = npt.NDArray[np.uint8]

# How much farther from the border's median black than white must be, or white than black, to decide which is ink.
DECISIVE = 3
# The window of the closing: at first half of the longer side, wider than any stroke; then 1.5 times the stroke found.
FIRST_WINDOW, STROKE_WINDOW = 0.5, 1.5
# Smoothing before the closing, and before blobs are looked for, in shares of the shorter side; none below MIN_SMOOTHED
# pixels, where a stroke has few pixels itself.
PAPER_BLUR, BLOB_BLUR, MIN_SMOOTHED = 1 / 250, 1 / 150, 64
# Of 255. A pencil on paper has 40 and more; what an even sheet and a camera's noise have is less.
MIN_CONTRAST = 20
# A blob of ink reaches the first of these and ends at the second, in standard deviations of the noise and in shares of
# the darkest ink: hysteresis, as of J. Canny's edges (1986).
SEED_DEVIATIONS, SEED_SHARE = 6, 0.4
EDGE_DEVIATIONS, EDGE_SHARE = 3, 0.08
# The smallest picture of a digit: its share of the picture's area, and of the shorter side.
MIN_AREA, MIN_LENGTH = 2e-4, 0.03
# What has less than this share of the largest blob's ink is a speck.
SPECK_SHARE = 0.03
# What touches the border and rises more slowly than to its height within this share of the shorter side is a shadow.
SOFT_EDGE = 0.05
# Paper is even if nine tenths of it differ by less than this share of the ink's contrast: then what touches the border
# is ink, as of a picture cut to its digit.
EVEN = 0.25
# A normal distribution's standard deviation by its median absolute deviation.
DEVIATIONS_PER_MEDIAN = 1.4826


@dataclass(frozen=True)
class Blob:
    """A connected piece of ink: its box (first and last + 1), the sum of its ink, and whether it touches the border."""

    top: int
    bottom: int
    left: int
    right: int
    mass: float
    borders: int

    @property
    def longest(self) -> int:
        """The longer side of its box, in pixels."""
        return max(self.bottom - self.top, self.right - self.left)


@dataclass(frozen=True)
class Ink:
    """Ink on paper.

    Attributes:
        values: float32 (height, width), of a scale of 255; 0 on the mean paper.
        gain: what they were multiplied by where the paper is in a shadow, float32 (height, width), 1 and more.
        noise: the standard deviation of what is lighter than the paper.
        grain: the standard deviation of fine noise before `gain`, on paper and ink.
        even: whether the paper is evenly lit.
        line_width: of the widest printed line that may have been removed, in pixels; 0 if none was.
    """

    values: FloatArray
    gain: FloatArray
    noise: float
    grain: float
    even: bool
    line_width: int = 0


def project(pixels: FloatArray) -> FloatArray:
    """Return colors on one axis, float32 (height, width): the one along which they differ most from what is around.

    Luminance alone would not show green on a red of the same luminance. The axis is the first principal component of
    the differences from a blurred copy, each weighted by its square, so that illumination does not count. Gray
    pictures keep their values.

    Args:
        pixels: (height, width) or (height, width, 3), in 0..255.
    """
    import cv2

    if pixels.ndim == 2:
        return pixels
    if bool((pixels == pixels[..., :1]).all()):
        return np.ascontiguousarray(pixels[..., 0])
    window = max(3, _odd(min(pixels.shape[:2]) / 8))
    differences = (pixels - cv2.blur(pixels, (window, window))).reshape(-1, 3)
    weights = (differences**2).sum(axis=1, keepdims=True)
    axis = np.linalg.eigh(((differences * weights).T @ differences).astype(np.float64))[1][:, -1]
    axis *= 1 if axis.sum() >= 0 else -1
    # From black to white it is 255, as for gray.
    return np.asarray(pixels @ (axis / np.sqrt(3)).astype(np.float32), np.float32)


def separate(gray: FloatArray) -> Ink:
    """Return the ink of a picture, whether it is dark on light or light on dark.

    Args:
        gray: (height, width), black to white in 0..255.
    """
    import cv2

    dark = is_dark(gray)
    bright = gray if dark else 255 - gray
    smooth, first = blurred(bright, PAPER_BLUR), FIRST_WINDOW * max(gray.shape)
    ink = _closed(smooth, first) - smooth
    clear = smooth[ink < 0.1 * ink.max()]
    even = bool(np.ptp(np.percentile(clear, (5, 95))) < EVEN * ink.max()) if clear.size else True
    padding = 0 if even else round(first / 2)
    if not even:
        ink = _closed(smooth, first, padding) - smooth
    strokes = np.pad((ink > 0.5 * ink.max()).astype(np.uint8), 1)
    stroke = 2 * float(cv2.distanceTransform(strokes, cv2.DIST_L2, 5).max())
    paper = _closed(smooth, min(first, STROKE_WINDOW * stroke + 2), padding)
    # Ink reflects a share of the light that its paper gets: in a shadow it differs by less. Chalk is not so dark there.
    level = np.float32(np.percentile(paper, 95))
    gain = np.maximum(level / np.maximum(paper, level / 8), 1) if dark else np.ones_like(paper)
    values = (paper - bright) * gain
    values -= _level(values)
    return Ink(values, gain, noise(values), grain(bright), even)


def is_dark(gray: FloatArray) -> bool:
    """Tell whether ink is dark on light: by far from the border's median, else from the median of what is around it."""
    import cv2

    low, high, paper = float(gray.min()), float(gray.max()), float(np.median(border(gray)))
    if not 1 / DECISIVE < (paper - low) / max(high - paper, 1e-6) < DECISIVE:
        return paper - low > high - paper
    scale = min(1.0, 96 / max(gray.shape))
    size = max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    stretched = np.rint((small - low) * (255 / max(high - low, 1e-6))).clip(0, 255).astype(np.uint8)
    around = cv2.medianBlur(stretched, max(3, _odd(0.6 * min(size))))
    return float(((stretched.astype(np.float32) - around) ** 3).sum()) < 0


def noise(values: FloatArray) -> float:
    """Return the standard deviation of what is lighter than the paper, where no ink is."""
    below = values[values < -0.5]
    return DEVIATIONS_PER_MEDIAN * float(np.median(-below)) if below.size > 0.02 * values.size else 0.0


def grain(values: FloatArray) -> float:
    """Return the standard deviation of fine noise.

    After J. Immerkaer, "Fast Noise Variance Estimation", Computer Vision and Image Understanding 64, 1996, by the
    median, which strokes do not move. Unlike `noise` it sees noise that black or white clips.
    """
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return DEVIATIONS_PER_MEDIAN * float(np.median(np.abs(cv2.filter2D(values, -1, kernel)))) / 6


def grain_after(ink: Ink, share: float) -> float:
    """Return what `blurred` leaves of the ink's grain, were it white noise."""
    side = min(ink.values.shape)
    return ink.grain / max(1.0, 2 * np.sqrt(np.pi) * share * side) if side >= MIN_SMOOTHED else ink.grain


def blobs(ink: Ink) -> tuple[list[Blob], npt.NDArray[np.bool_]]:
    """Return the pieces of ink, largest first, without specks, and where they are, bool (height, width).

    None where nothing stands out: an empty sheet, whatever its light and grain.
    """
    import cv2

    smooth = blurred(ink.values / ink.gain, BLOB_BLUR)
    (height, width), side = smooth.shape, min(smooth.shape)
    smooth -= _level(smooth)
    deviation, peak = max(noise(smooth), grain_after(ink, BLOB_BLUR)), float(smooth.max())
    seed = max(SEED_DEVIATIONS * deviation, SEED_SHARE * peak, MIN_CONTRAST)
    edge = max(EDGE_DEVIATIONS * deviation, EDGE_SHARE * peak)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats((smooth > min(edge, seed)).astype(np.uint8), connectivity=8)
    peaks = np.zeros(len(boxes), np.float32)
    np.maximum.at(peaks, labels.ravel(), smooth.ravel())
    masses = np.bincount(labels.ravel(), np.maximum(smooth, 0).ravel(), minlength=len(boxes))
    slopes = np.zeros(len(boxes), np.float32)
    rise = np.hypot(*np.gradient(smooth)) if side > 1 else np.zeros_like(smooth)
    np.maximum.at(slopes, labels.ravel(), rise.ravel())
    kept: dict[int, Blob] = {}
    for number, (left, top, across, down, area) in enumerate(boxes.tolist()):
        borders = sum((left == 0, top == 0, left + across == width, top + down == height))
        small = area < MIN_AREA * smooth.size or max(across, down) < max(MIN_LENGTH * side, 3)
        # What a line's end at the border, or the crossing of two, leaves.
        rest = min(across, down) <= 1.5 * ink.line_width and (borders > 0 or max(across, down) <= 3 * ink.line_width)
        soft = not ink.even and borders > 0 and slopes[number] * (SOFT_EDGE * side + 2) < peaks[number]
        if number and peaks[number] > seed and not (small or rest or soft):
            kept[number] = Blob(top, top + down, left, left + across, float(masses[number]), borders)
    largest = max((blob.mass for blob in kept.values()), default=0.0)
    kept = {number: blob for number, blob in kept.items() if blob.mass >= SPECK_SHARE * largest}
    return sorted(kept.values(), key=lambda blob: -blob.mass), np.isin(labels, list(kept))


def blurred(values: FloatArray, share: float) -> FloatArray:
    """Return values smoothed by a Gaussian, its deviation a share of the shorter side; small pictures as they are."""
    import cv2

    if min(values.shape) < MIN_SMOOTHED:
        return values
    return np.asarray(cv2.GaussianBlur(values, (0, 0), share * min(values.shape)), np.float32)


def _closed(values: FloatArray, window: float, padding: int = 0) -> FloatArray:
    """Return the closing; with padding the border's pixels go on beyond it, so that light may fall off towards it."""
    import cv2

    side, (height, width) = max(3, _odd(window)), values.shape
    padded = np.pad(values, padding, "edge")
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return np.asarray(closed[padding : padding + height, padding : padding + width], np.float32)


def _odd(number: float) -> int:
    return int(number) // 2 * 2 + 1


def _level(values: FloatArray) -> np.float32:
    """Return the median of what has less than half of the darkest ink: the paper, of which there is most."""
    light = values[values <= 0.5 * values.max()]
    return np.float32(np.median(light) if light.size else 0)
