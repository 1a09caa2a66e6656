"""A bridge in a process of its own, attacked with requests of all kinds over HTTP and stdio.

`python -m fuzz.bridge --seconds 60`; nothing of it may leave a status 500, a traceback in the log,
or more memory, tasks or descriptors than before.
"""
