"""Stop the Powerwall safely: after every stop it is started again, also after a crash."""
