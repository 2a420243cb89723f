"""The studio: the web page over the pipeline."""
