"""LivePortrait: the photoreal renderer, re-implemented from the paper and the published facts."""
