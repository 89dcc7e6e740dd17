"""The shop behind Flask, asked three times."""
import flask
import shop

app = flask.Flask("shop")


@app.route("/order/<customer>")
def order(customer):
    return str(shop.checkout(customer))


@app.route("/nothing")
def nothing():
    flask.abort(404)


if shop.DUMPS:
    from heapsake.doors.flask import install

    assert install(app, shop.DUMPS)

client = app.test_client()
for path in ("/order/Grace", "/order/Grace", "/nothing"):
    answer = client.get(path)
    print(path, answer.status, answer.get_data(as_text=True))
