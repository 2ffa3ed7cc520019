"""The command line, one module for each command.

A module defines the parser of its command and runs it. It imports an extra only when the command runs, so that
`target-delivery --help` works without any.
"""
