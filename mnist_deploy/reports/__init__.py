"""What a person sees: tables of results, and progress."""
