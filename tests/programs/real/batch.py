"""A code formatter over a batch of files, one of which is no Python."""
import sys

import black

FILES = {
    "good.py": "x = {  'a':1 }\n",
    "broken.py": "def area(width, height):\n    return width * * height\n",
    "never.py": "y=2\n",
}


class Batch:
    def __init__(self, files):
        self.files = files
        self.formatted = {}
        self.mode = black.Mode(line_length=60, target_versions={black.TargetVersion.PY38})

    def run(self):
        for name, text in self.files.items():
            self.formatted[name] = black.format_str(text, mode=self.mode)


def main():
    if "--install" in sys.argv:
        import heapsake

        heapsake.install(sys.argv[sys.argv.index("--install") + 1])
    batch = Batch(FILES)
    batch.run()


if __name__ == "__main__":
    main()
