"""Names that are not there."""

import target_delivery
from target_delivery import TargetClinet  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
from target_delivery.outbox import NotificationOutBox  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]

print(target_delivery.DeliveryRequets)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
print(target_delivery.__version, TargetClinet)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
print(target_delivery.NotificationOutbox)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
print(NotificationOutBox)
