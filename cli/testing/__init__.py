"""The suites of `./dev test`: which exist, what each needs, how they run and what is said about them."""
