def unlike_training(p): return []
def of_blobs(b,s): return []
