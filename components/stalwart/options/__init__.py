"""What can be set about a server, a topic a module: the arguments as a program gives them, and their checked form."""
