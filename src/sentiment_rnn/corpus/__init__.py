"""The reviews: read from the forms users have them in, downloaded, made up, and divided."""
