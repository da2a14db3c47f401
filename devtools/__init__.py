"""What stands behind dev.py: an environment, two servers and the processes of DEE. Standard library only."""
