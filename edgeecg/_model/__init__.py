"""What `edgeecg.model` is made of.

`components` are the parts of a model as plain data, `check` their ranges, `layout` the fields of the file, `encode` and
`decode` its bytes, `describe` a model in words. docs/format.md has the file, docs/numerics.md the arithmetic.
"""
