"""Tables, model cards, provenance and error reports."""
