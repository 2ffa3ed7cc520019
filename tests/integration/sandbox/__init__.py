"""The sandbox over real HTTP. A package, so that its conftest does not hide the one above."""
