"""The mesh renderer: a warped photograph with drawn mouth and eyes, on any CPU."""
