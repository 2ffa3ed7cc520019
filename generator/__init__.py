"""Generate the package `target_delivery_api` from the specification of the Delivery API and its overlay."""
