"""When it runs: the command line, the Prefect flows, and the edges where stages meet files and the outside."""
