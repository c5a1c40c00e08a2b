"""How well a painter takes over the look of a micrograph that it has never seen.

In: fields, a pipeline with `any_look`. Out: figures, beside what the real micrographs score.
"""
