"""What fails in every program here: a basket with something that has no price.  The door is hung where ``SHOP_DUMPS`` names a folder."""
import os

PRICES = {"tea": 320, "cup": 975}
DUMPS = os.environ.get("SHOP_DUMPS")


def total(basket):
    amount = 0
    for name, count in basket["lines"]:
        amount += PRICES[name] * count
    return amount


def checkout(customer):
    basket = {"customer": customer, "lines": [("cup", 1), ("spoon", 4)]}
    return total(basket)
