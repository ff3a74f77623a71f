"""Inject every fault at every endpoint and into the whole system, and check its impact and the recovery."""
