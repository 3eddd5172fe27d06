"""What a change of the settings, or of the program, does to every region: two offline builds compared."""
