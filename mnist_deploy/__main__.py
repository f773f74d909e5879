"""`python -m mnist_deploy` is `mnist-deploy`."""

from mnist_deploy.cli import main

main()
