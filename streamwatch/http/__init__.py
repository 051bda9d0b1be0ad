"""All that listens: connections with their limits and deadlines, and what answers on them."""
