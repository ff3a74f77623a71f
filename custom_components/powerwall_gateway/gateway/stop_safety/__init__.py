"""Safe logins and stops: a Powerwall that was stopped is started again, also after a crash."""
