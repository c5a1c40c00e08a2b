"""Tables that leave the program. In: tables of particles, statistics and files. Out: CSV and XLSX
that every spreadsheet opens as they are meant, and nothing in them that it would run.
"""
