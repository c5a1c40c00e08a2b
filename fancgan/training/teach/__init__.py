"""Teaching a particle network one's own pictures: corrected outlines and pairs painted in their
look in, a run and what it is worth out.
"""
