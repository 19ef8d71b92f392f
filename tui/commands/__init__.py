"""The commands without a screen: they ask the rooms below and print. None of them imports textual."""
