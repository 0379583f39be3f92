"""What `edgeecg.model` is made of.

`components` holds the front end, layers and head of a model as plain data, `check` their ranges, `layout` the fields of
the file. `encode` writes its bytes, `decode` reads them, and `describe` makes a table of a model. docs/format.md
specifies the file, docs/numerics.md the arithmetic.
"""
