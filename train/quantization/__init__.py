"""A float encoder to the integers of a model file, to ONNX, and back."""
