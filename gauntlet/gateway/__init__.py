"""Has what rows about the gateway work with: cheap browsers, attackers, a publisher, measures of delay."""
