"""The studio's entry on a desk and in a Hugging Face Space: ``python app.py``."""

import contextlib
import os

# Gradio reads this when it is imported, hence the order.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

# A Space that lends its GPU by the call wants this before torch; nobody else has it.
with contextlib.suppress(ImportError):
    import spaces  # noqa: F401

from vortex_lp.ui.studio import launch

if __name__ == "__main__":
    launch()
