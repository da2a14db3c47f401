"""What every bundle brings along: README.txt, and verify.py, which needs nothing but Python."""
