import os

print("rank", os.environ.get("RANK", "0"), "of", os.environ.get("WORLD_SIZE", "1"))
print("epochs", os.environ.get("EPOCHS", "1"), "greeting", os.environ.get("GREETING", ""))
