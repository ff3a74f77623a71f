"""Stand-ins for two speech libraries of Home Assistant that have no wheel for Python 3.14.

`assist_pipeline` imports them, and Home Assistant describes no action (`/api/services` returns 500) if that import
fails. Nothing here ever listens to speech, so a name to import is all it takes.
"""
