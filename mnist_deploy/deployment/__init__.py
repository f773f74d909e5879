"""A folder to deploy: the model with all that it takes to classify images by it."""

from mnist_deploy.deployment.packaging import Packaged, package, summary
from mnist_deploy.deployment.records import Deployment

__all__ = ["Deployment", "Packaged", "package", "summary"]
