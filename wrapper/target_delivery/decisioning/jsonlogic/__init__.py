"""JsonLogic conditions, compiled once and evaluated with JavaScript's meaning of values."""
