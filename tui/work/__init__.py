"""What runs on workers' threads, and what they tell the screens. No widget is touched here."""
