"""The studio's entry on a desk and in a Hugging Face Space: ``python app.py``."""

import os

# Gradio reads this when it is imported, hence the order.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from vortex_lp.ui.studio import launch

if __name__ == "__main__":
    launch()
