"""The JSON API for programs: the console's own questions and changes, documented by an OpenAPI text made from one table."""
