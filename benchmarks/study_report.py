RESULT, WHY = "result.json", "why.txt"
def write_report(out, cells, page): pass
