"""A Modal server on 127.0.0.1 that the real SDK talks to; its sandboxes are local processes."""
