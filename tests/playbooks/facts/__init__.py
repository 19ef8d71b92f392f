"""What is read of this machine and of files, before anything is judged."""
