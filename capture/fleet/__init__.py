"""Many captures to one data set: rows of all their connections in Parquet, findings over all of them, a manifest.

paths      what was named -> files
survey     a file -> what it is, and from when to when
grouping   files -> captures: which are pieces of one
reading    a capture -> its rows and its part of the findings: the task of a worker (why a whole capture: there)
executors  who does the tasks: processes here, or a Dask cluster
running    all of it, in an order that an interruption does not hurt

Needs the extra tcptriage[fleet]; nothing else of the program imports this room before it is asked for.
"""
