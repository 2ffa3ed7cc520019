"""Make `target_delivery_api` from the Delivery API's specification: bundle, overlay, generate, format."""
