"""Names that are not there."""

import target_delivery
from target_delivery import TargetClinet  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]

print(target_delivery.DeliveryRequets)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
print(target_delivery.__version, TargetClinet)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
