"""Help Scout: conversations by the Inbox API 2.0, webhooks signed by HMAC-SHA1. See README.md."""
