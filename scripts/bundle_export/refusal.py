"""What an exporter says when it cannot do what is asked."""


class Refusal(Exception):
    """One line: what cannot be exported, where, and what to do."""
