"""The site has no tables of its own. Django tells only apps with this module that a `migrate` is done (`apps.py`)."""
