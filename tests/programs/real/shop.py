"""A web application whose request handler meets an order that its prices do not know."""
import sys

from flask import Flask, g, jsonify, request, session

PRICES = {"tea": 320, "cup": 975}

app = Flask(__name__)
app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=True, SECRET_KEY="correct-horse-battery", SHOP="Corner shop")


class Basket:
    def __init__(self, customer):
        self.customer = customer
        self.lines = []

    def add(self, name, count):
        self.lines.append({"name": name, "count": count, "price": PRICES[name]})


@app.before_request
def remember():
    g.basket = Basket(request.headers.get("X-Customer", "nobody"))
    session["visits"] = session.get("visits", 0) + 1


@app.route("/order/<int:number>", methods=["POST"])
def order(number):
    body = request.get_json()
    for position, line in enumerate(body["lines"]):
        g.basket.add(line["name"], line["count"])
    return jsonify(number=number, total=sum(line["count"] * line["price"] for line in g.basket.lines))


def main():
    if "--install" in sys.argv:
        import heapsake

        heapsake.install(sys.argv[sys.argv.index("--install") + 1])
    client = app.test_client()
    good = client.post("/order/1", json={"lines": [{"name": "tea", "count": 2}]}, headers={"X-Customer": "Ada"})
    assert good.get_json() == {"number": 1, "total": 640}
    client.post("/order/2?note=quick", json={"lines": [{"name": "cup", "count": 1}, {"name": "spoon", "count": 4}]}, headers={"X-Customer": "Grace"})


if __name__ == "__main__":
    main()
