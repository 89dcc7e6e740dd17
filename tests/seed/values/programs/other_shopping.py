"""Another version of the module, importable where the dump is opened."""
imported = True
setting = 5
removed = "still there"


class Shop:
    rate = 1000

    def total(self):
        return 5000
