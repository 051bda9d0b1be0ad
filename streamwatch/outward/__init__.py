"""What is sent out: openings to barriers, events to webhooks and brokers, notifications to people."""
