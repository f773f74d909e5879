"""A report as one HTML file: it works offline, on a phone and in the dark, and asks nobody for anything."""

from mnist_deploy.reports.html.page import page

__all__ = ["page"]
