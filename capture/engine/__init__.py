"""The one written rule for packets, in C; called by ctypes. `library` binds it, `session` is what Python asks."""
