"""The graph model: pure Python, imports no compiled code."""
