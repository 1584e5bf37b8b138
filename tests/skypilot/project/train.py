import os

print("epochs", os.environ["EPOCHS"], "greeting", os.environ.get("GREETING", ""))
