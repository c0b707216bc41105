"""What staff say becomes a move; what came of it becomes one Chinese sentence."""
