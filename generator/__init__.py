"""Generate the package `target_delivery_api` from the Delivery API's specification and the overlay over it."""
