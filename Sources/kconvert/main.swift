print("kconvert")
