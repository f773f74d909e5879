"""The whole way: train, export, verify, measure. Each step keeps what is done, and says what it could not do."""
