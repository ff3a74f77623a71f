"""Operation mode, backup reserve, islanding, grid policy and actions of the gateway."""
