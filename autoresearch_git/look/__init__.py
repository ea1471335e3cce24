"""Drawing: tables, sparklines, charts and the report page. Values in, text or bytes out."""
