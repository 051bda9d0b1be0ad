"""The servers: connections with their limits and deadlines, and the answers on them."""
