"""JsonLogic: conditions are compiled once and evaluated as a JavaScript engine would.

- ``compiler``: the table of all operators, and the compiler that turns a condition into nodes
- ``operators``: truth, comparison, text and arithmetic
- ``arrays``: operators that run a body for each element of an array, and ``merge``
- ``variables``: ``var``, ``missing`` and ``missing_some``
- ``javascript``: truth, equality, order, numbers and strings of JavaScript values
- ``node``: the compiled form of a part of a condition
"""
