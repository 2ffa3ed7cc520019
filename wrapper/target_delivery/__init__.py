"""SDK for Adobe Target's Delivery API."""
