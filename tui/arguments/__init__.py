"""What the command line accepts, command by command. Kept apart from running it, so that --help costs nothing."""
