"""The Sketch tab: a drawing becomes a synthetic image, and is read back from it."""
