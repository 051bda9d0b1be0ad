"""MQTT: events and states for a broker, discovery for Home Assistant, and commands where they are allowed."""
