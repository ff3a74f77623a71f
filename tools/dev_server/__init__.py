"""The main job in one command: a gateway, a real Home Assistant with the integration, and proof that they agree."""
