"""What Backstop needs in an account: a webhook, which a person makes."""
