"""What follows from results: what to deploy, and whether a change made anything slower. Pure functions of records."""
