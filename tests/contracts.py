"""An import contract that import-linter does not have; pyproject.toml lists it with the others."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from importlinter import Contract, ContractCheck, output

if TYPE_CHECKING:
    from grimp import ImportGraph


class NoCircles(Contract):
    """No module imports itself through other modules. Imports for types count.

    The contract `acyclic_siblings` compares whole packages: it would not let `response` import `_core.cookies`.
    """

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look for a circle in the graph of modules."""
        imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            # The circle begins with a module that the next one imports.
            return ContractCheck(kept=False, metadata={"circle": error.args[1][::-1]})
        return ContractCheck(kept=True)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the circle."""
        output.print_error(" -> ".join(check.metadata["circle"]))
