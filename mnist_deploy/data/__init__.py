"""Reading images and labels from files, in the forms that they are commonly kept in. `mnist_deploy.dataset` loads."""
