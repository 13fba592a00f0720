"""Chaos: real incidents while what poolmedic stands on is ended, frozen, cut off or made to talk nonsense."""
