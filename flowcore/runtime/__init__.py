"""Runtime: the only place where the symbolic and the execution column meet. Plans are made and run here."""
