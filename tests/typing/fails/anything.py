"""Names that no package has, imported from each of them."""

from target_delivery import Anything  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
from target_delivery.decisioning import anything_at_all  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
from target_delivery.outbox import anything  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
from target_delivery.sandbox import something  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]

print(Anything, anything, anything_at_all, something)
