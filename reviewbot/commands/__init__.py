"""What the command line does, a file a subject; ``cli.py`` only names them."""
